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
    """

    winner: np.ndarray
    loser: np.ndarray

    def __len__(self) -> int:
        return len(self.winner)
