"""Log-probabilities of whole completions under a language model, and divergence of two models along them."""

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


def stepwise_divergence(
    policy: Any,
    reference: Any,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    batch_size: int,
) -> np.ndarray:
    """KL divergence of the next token, policy from reference, summed over the steps of each completion.

    By the chain rule KL(pi || pi_ref) of whole completions is the expectation over y from pi of
    sum_t KL(pi(. | x, y_<t) || pi_ref(. | x, y_<t)), so the mean over the policy's own completions (temperature
    1) estimates it without bias. The mean of log pi(y) - log pi_ref(y) ("k1") does too, with the noise of every
    token drawn on top. Schulman's k3, r - 1 - log r with r = pi_ref / pi of the drawn token, is also unbiased
    (E[r] = 1 at every step) and quiet near the reference, but its variance is of the size of
    sum pi_ref^2 / pi: it explodes for a policy that has grown sure of itself, as one trained by DPO does.
    What stands here is the expectation of either, given the steps before; both models' logits are at hand.

    Args:
        policy, reference: transformers causal language models of one vocabulary, on one device.
        prompts: token ids, at least one each.
        completions: token ids, the policy's own at temperature 1; an empty one has divergence 0.
        batch_size: texts at once.

    Returns:
        float64 [n], nats, not negative.

    Source: Amini, Vieira and Cotterell 2025 (arXiv 2504.10637), the Rao-Blackwellised estimator; Schulman 2020,
        Approximating KL divergence, for k1 and k3.
    """
    lengths = [len(x) + len(y) for x, y in zip(prompts, completions, strict=True)]
    result = np.zeros(len(lengths))
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), batch_size):
        part = order[start : start + batch_size].tolist()
        batch = padded([(prompts[n], completions[n]) for n in part], policy.device)
        with torch.inference_mode():
            logits = [_logits(model, batch) for model in (policy, reference)]
            for row, number in enumerate(part):
                # Row by row in double precision: all rows at once would be twice the memory of the logits.
                log_p, log_q = (x[row][batch.counted[row]].double().log_softmax(dim=1) for x in logits)
                # kl_div(a, b) is the divergence of b from a.
                steps = torch.nn.functional.kl_div(log_q, log_p, reduction="sum", log_target=True)
                result[number] = max(float(steps), 0.0)
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
    batch = padded(texts, model.device)
    with torch.inference_mode():
        logits = _logits(model, batch).float()
        chosen = logits.gather(2, batch.targets[..., None]).squeeze(2) - logits.logsumexp(dim=2)
        summed = (chosen.double() * batch.counted).sum(dim=1)
    values: np.ndarray = summed.cpu().numpy()
    return values


def _logits(model: Any, batch: Padded) -> torch.Tensor:
    """Logits [n, kept - 1, V] that predict `batch.targets`."""
    output = model(input_ids=batch.tokens, attention_mask=batch.mask, logits_to_keep=batch.kept, use_cache=False)
    logits: torch.Tensor = output.logits[:, :-1]
    return logits
