"""What an assessment leaves: predictions on all that lies outside the pool."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Assessment:
    """What fresh models say of the E completions outside the pool, at S shares of the budget.

    Attributes:
        shares: S shares, ascending.
        n_labels: int64 [S], the labels of each share, ties included.
        rewards: float32 [S, M, E], by a fresh reward model.
        log_policy: float64 [S, E], log pi(y|x) of the policy proxy over each prompt's completions.
    """

    shares: tuple[float, ...]
    n_labels: np.ndarray
    rewards: np.ndarray
    log_policy: np.ndarray
