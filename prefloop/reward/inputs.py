"""What any kind of uncertainty model is trained from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from prefloop.io.rows import Vectors
from prefloop.reward.comparisons import Comparisons


@dataclass(frozen=True)
class FitInputs:
    """Features, labels and the place in the run; each round trains from scratch on them.

    Attributes:
        features: float32 [C, D], memory-mapped or not; float64 trains in float64.
        comparisons: the labelled pairs; with fewer than two a model stays untrained.
        seed: the run's seed.
        round_: the round; weights, order and held-out shares are drawn anew each round.
        validation: comparisons that all members stop on, as in BAL-PM's paper; None = none are set apart.
            A kind that does not stop early does not look at them.
        moments: gives mean and standard deviation of the features, float [D] each; called only by a model
            that needs them.
        device: where to train.
        groups: int64 [n], group of each comparison (see `comparison_groups`), numbered from 0 without gaps;
            a kind that holds labels out may hold out whole groups.
    """

    features: Vectors
    comparisons: Comparisons
    seed: int
    round_: int
    validation: Comparisons | None
    moments: Callable[[], tuple[np.ndarray, np.ndarray]]
    device: torch.device
    groups: np.ndarray

    @property
    def dtype(self) -> torch.dtype:
        """The number format of parameters and scaled features."""
        return torch.float64 if self.features.dtype == np.float64 else torch.float32
