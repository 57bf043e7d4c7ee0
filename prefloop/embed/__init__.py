"""Embedding of prepared texts: one language model, its tokens, a cache, and the stored features."""
