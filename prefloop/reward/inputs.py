"""Inputs of a fit: labelled comparisons, features, and their scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from prefloop.io.rows import Vectors


@dataclass(frozen=True)
class Comparisons:
    """Preferences of one completion to another; a soft label is two of them, one each way.

    Attributes:
        winner: int64 [n], completion rows preferred by the annotator.
        loser: int64 [n], the rows they were compared with.
        weights: float64 [n], what each counts in a loss, mean 1; None: all alike.
        labels: int64 [n], number of the label that each is of, 0, 1, ... ascending; None: each has its own.
    """

    winner: np.ndarray
    loser: np.ndarray
    weights: np.ndarray | None = None
    labels: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.winner)

    @property
    def label(self) -> np.ndarray:
        """int64 [n], number of the label that each is of."""
        return np.arange(len(self)) if self.labels is None else self.labels

    @property
    def label_count(self) -> int:
        """Labels, each counted once."""
        return len(self) if self.labels is None else int(self.labels.max(initial=-1)) + 1

    @property
    def weight(self) -> np.ndarray:
        """float64 [n], what each counts in a loss."""
        return np.ones(len(self)) if self.weights is None else self.weights


@dataclass(frozen=True)
class FitInputs:
    """Features, labels and the place in the run; each round trains from scratch on them.

    Attributes:
        features: float32 [C, D], memory-mapped or not; float64 trains in float64.
        comparisons: the labelled pairs; with fewer than two labels a model stays untrained.
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


@dataclass(frozen=True)
class Scaling:
    """Every feature x becomes (x - shift) * scale.

    Attributes:
        shift, scale: float [D], on the device and in the number format of the network.
    """

    shift: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def of(cls, inputs: FitInputs, standardise: bool) -> Scaling:
        """By the features' moments, constant features to 0; or none."""
        dim, device, dtype = inputs.features.shape[1], inputs.device, inputs.dtype
        if not standardise:
            return cls(torch.zeros(dim, device=device, dtype=dtype), torch.ones(dim, device=device, dtype=dtype))
        mean, deviation = (torch.from_numpy(np.asarray(m)).to(device, dtype) for m in inputs.moments())
        return cls(mean, torch.where(deviation > 0, 1 / deviation, torch.zeros_like(deviation)))

    def apply(self, features: np.ndarray) -> torch.Tensor:
        """Scaled copy of features [n, D], on the device."""
        values = torch.from_numpy(np.array(features)).to(self.shift.device, self.shift.dtype)
        return (values - self.shift) * self.scale
