"""Gradients of a language model's last layer along completions, sketched to a few numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from prefloop.dpo.logprobs import padded
from prefloop.rng import Stream, generator


def sketched_gradients(
    model: Any,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    size: int,
    batch_size: int,
) -> np.ndarray:
    """The gradient of log pi(y | x) with respect to the output matrix W [V, d], as a random sketch.

    With h_t the input of the output layer and p_t the next token's probabilities, the gradient is the sum
    over the completion's tokens of (e_{y_t} - p_t) h_t^T, and its sketch the sum of
    (A (e_{y_t} - p_t)) * (B h_t) / sqrt(size), so nothing of V x d is ever formed. Sketches add up as
    gradients do, and their inner products are unbiased for the gradients'; the error of a squared norm
    has a standard deviation of at most sqrt(8 / size) of it.

    Texts of like length share a batch and are padded on the right; a causal model does not look there.

    Args:
        model: a transformers causal language model whose logits are W h, but for a bias.
        prompts: token ids, at least one each.
        completions: token ids; an empty one has gradient 0.
        size: numbers of a sketch.
        batch_size: texts at once; memory, not results, depends on it (but for last bits).

    Returns:
        float64 [n, size]. A pair's direction is the difference of its completions' rows.

    Source: Kveton et al. 2025 (arXiv 2503.01076), DPO made linear at the last layer; for the sketch of an
    outer product, Kar and Karnick 2012 (random Maclaurin features), degree 2.
    """
    vocabulary, width = model.get_output_embeddings().weight.shape
    signs = [torch.from_numpy(part).to(model.device) for part in sketch_signs(size, vocabulary, width)]
    lengths = [len(x) + len(y) for x, y in zip(prompts, completions, strict=True)]
    result = np.zeros((len(lengths), size))
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size].tolist()
        result[part] = _batch(model, [(prompts[n], completions[n]) for n in part], signs)
    return result


def sketch_signs(size: int, vocabulary: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A [size, V] and B [size, d] of random signs, float32; the same in every run, as features are."""
    rng = generator(0, 0, Stream.SKETCH, size)
    a, b = (2 * rng.integers(2, size=(size, n), dtype=np.int8) - 1 for n in (vocabulary, width))
    return a.astype(np.float32), b.astype(np.float32)


def _batch(model: Any, texts: list[tuple[Sequence[int], Sequence[int]]], signs: list[torch.Tensor]) -> np.ndarray:
    batch = padded(texts, model.device)
    with torch.inference_mode():
        hidden, logits = _last_layer(model, batch.tokens, batch.mask, batch.kept)
        chosen = batch.targets[batch.counted]
        of_token = _sketch(hidden[:, :-1][batch.counted], logits[:, :-1][batch.counted], chosen, signs)
        summed = torch.zeros(len(texts), of_token.shape[1], dtype=torch.float64, device=model.device)
        summed.index_add_(0, batch.counted.nonzero()[:, 0], of_token.double())
    values: np.ndarray = summed.cpu().numpy()
    return values


def _last_layer(
    model: Any, tokens: torch.Tensor, mask: torch.Tensor, kept: int
) -> tuple[torch.Tensor, torch.Tensor]:
    # Its input is read where it enters: which hidden state that is differs between architectures.
    entered: list[torch.Tensor] = []
    hook = model.get_output_embeddings().register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
    try:
        logits = model(input_ids=tokens, attention_mask=mask, logits_to_keep=kept, use_cache=False).logits
    finally:
        hook.remove()
    return entered[0], logits


def _sketch(
    hidden: torch.Tensor, logits: torch.Tensor, chosen: torch.Tensor, signs: list[torch.Tensor]
) -> torch.Tensor:
    a, b = signs
    surprise = a.T[chosen] - logits.float().softmax(dim=-1) @ a.T
    return surprise * (hidden.float() @ b.T) / a.shape[0] ** 0.5
