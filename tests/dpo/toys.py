"""A causal language model so small that all its completions can be enumerated."""

from __future__ import annotations

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

END, VOCABULARY, LONGEST = 4, 5, 3


def toy_model(seed=0, sharpness=1.0):
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=32,
        initializer_range=0.35 * sharpness,
        bos_token_id=0,
        eos_token_id=END,
        pad_token_id=END,
    )
    return LlamaForCausalLM(config).eval()


def completions(prefix=()):
    """All completions of at most LONGEST tokens: they end with END, or are cut."""
    if prefix and (prefix[-1] == END or len(prefix) == LONGEST):
        return [prefix]
    return [whole for token in range(VOCABULARY) for whole in completions((*prefix, token))]


def exact_logprobs(model, prompt):
    """log pi of every completion, one step at a time, without any batch."""
    result = []
    for completion in completions():
        tokens, total = list(prompt), 0.0
        for token in completion:
            with torch.inference_mode():
                logits = model(input_ids=torch.tensor([tokens])).logits[0, -1].double()
            total += float(logits.log_softmax(dim=-1)[token])
            tokens.append(token)
        result.append(total)
    return np.array(result)
