"""Log-probabilities of whole completions under a language model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch


def completion_logprobs(
    model: Any, prompts: Sequence[Sequence[int]], completions: Sequence[Sequence[int]], batch_size: int
) -> np.ndarray:
    """log pi(y | x) of each completion, summed over its tokens.

    Texts of like length share a batch and are padded on the right; a causal model does not look there.

    Args:
        model: a transformers causal language model.
        prompts: token ids, at least one each.
        completions: token ids; an empty one has log-probability 0.
        batch_size: texts at once.

    Returns:
        float64 [n], nats.
    """
    lengths = [len(x) + len(y) for x, y in zip(prompts, completions, strict=True)]
    result = np.zeros(len(lengths))
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size].tolist()
        result[part] = _batch(model, [(prompts[n], completions[n]) for n in part])
    return result


def _batch(model: Any, texts: list[tuple[Sequence[int], Sequence[int]]]) -> np.ndarray:
    width = max(len(x) + len(y) for x, y in texts)
    # Logits of the prompts' inner positions are not needed: a third of the work for short completions.
    kept = width - min(len(x) for x, _ in texts) + 1
    tokens = torch.zeros(len(texts), width, dtype=torch.long)
    mask = torch.zeros(len(texts), width, dtype=torch.long)
    counted = torch.zeros(len(texts), width, dtype=torch.bool)
    for row, (x, y) in enumerate(texts):
        tokens[row, : len(x) + len(y)] = torch.tensor([*x, *y])
        mask[row, : len(x) + len(y)] = 1
        counted[row, len(x) : len(x) + len(y)] = True
    tokens, counted = tokens.to(model.device), counted.to(model.device)
    with torch.inference_mode():
        output = model(
            input_ids=tokens, attention_mask=mask.to(model.device), logits_to_keep=kept, use_cache=False
        )
        logits = output.logits[:, :-1].float()
        chosen = logits.gather(2, tokens[:, width - kept + 1 :, None]).squeeze(2) - logits.logsumexp(dim=2)
        summed = (chosen.double() * counted[:, width - kept + 1 :]).sum(dim=1)
    values: np.ndarray = summed.cpu().numpy()
    return values
