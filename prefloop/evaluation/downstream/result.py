"""Downstream predictions of a run's labels: rewards and the policy proxy on all that lies outside the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.acquisition.segments import Segments


@dataclass(frozen=True)
class DownstreamPredictions:
    """What retrained models say of the E completions outside the pool, at S shares of the budget.

    Attributes:
        shares: S shares, ascending.
        n_labels: int64 [S], the labels of each share, ties included.
        rewards: float32 [S, M, E], by a retrained reward model.
        log_policy: float64 [S, E], log pi(y|x) of the policy proxy over each prompt's completions.
    """

    shares: tuple[float, ...]
    n_labels: np.ndarray
    rewards: np.ndarray
    log_policy: np.ndarray


def log_softmax(logits: np.ndarray, prompts: Segments) -> np.ndarray:
    """Logits [n] minus the logarithm of the sum of their exponentials over their run."""
    shifted = logits - prompts.spread(prompts.max(logits))
    return shifted - prompts.spread(np.log(np.add.reduceat(np.exp(shifted), prompts.starts)))
