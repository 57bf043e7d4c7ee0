"""Labelled comparisons as a reward model sees them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Comparisons:
    """Preference pairs whose winner is known; ties and skipped pairs are not among them.

    Attributes:
        winner: int64 [n], completion rows preferred by the annotator.
        loser: int64 [n], the rows they were compared with.
        weights: float64 [n], what each counts in a loss, mean 1; None: all alike.
    """

    winner: np.ndarray
    loser: np.ndarray
    weights: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.winner)

    @property
    def weight(self) -> np.ndarray:
        """float64 [n], what each counts in a loss."""
        return np.ones(len(self)) if self.weights is None else self.weights
