"""Log-probabilities of whole completions under a language model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Padded:
    """Texts padded on the right, on the model's device, and what of them is a completion.

    Attributes:
        tokens, mask: int64 [n, width].
        kept: positions at the end whose outputs are needed; those inside the prompts are not.
        targets: int64 [n, kept - 1], the tokens that these outputs predict, but for the last one's.
        counted: bool [n, kept - 1], which of them belong to a completion.
    """

    tokens: torch.Tensor
    mask: torch.Tensor
    kept: int
    targets: torch.Tensor
    counted: torch.Tensor


def padded(texts: Sequence[tuple[Sequence[int], Sequence[int]]], device: torch.device) -> Padded:
    """Pad prompts with their completions."""
    width = max(len(x) + len(y) for x, y in texts)
    kept = width - min(len(x) for x, _ in texts) + 1
    tokens, mask = (torch.zeros(len(texts), width, dtype=torch.long) for _ in range(2))
    counted = torch.zeros(len(texts), width, dtype=torch.bool)
    for row, (x, y) in enumerate(texts):
        tokens[row, : len(x) + len(y)] = torch.tensor([*x, *y])
        mask[row, : len(x) + len(y)] = 1
        counted[row, len(x) : len(x) + len(y)] = True
    tokens, mask, counted = (part.to(device) for part in (tokens, mask, counted))
    behind = slice(width - kept + 1, None)
    return Padded(tokens, mask, kept, tokens[:, behind], counted[:, behind])


def _batch(model: Any, texts: list[tuple[Sequence[int], Sequence[int]]]) -> np.ndarray:
    of = padded(texts, model.device)
    with torch.inference_mode():
        output = model(input_ids=of.tokens, attention_mask=of.mask, logits_to_keep=of.kept, use_cache=False)
        logits = output.logits[:, :-1].float()
        chosen = logits.gather(2, of.targets[..., None]).squeeze(2) - logits.logsumexp(dim=2)
        summed = (chosen.double() * of.counted).sum(dim=1)
    values: np.ndarray = summed.cpu().numpy()
    return values
