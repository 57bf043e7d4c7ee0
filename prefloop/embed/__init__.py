"""From prepared texts to vectors: one language model, its tokens, a cache, and the stored features."""
