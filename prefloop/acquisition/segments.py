"""Runs of unequal length in one flat array: maxima, order statistics and ties, without padding."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Segments:
    """Consecutive runs of an array: run s holds positions starts[s] .. starts[s] + counts[s] - 1.

    Attributes:
        counts: int64 [S], lengths, each at least 1; the runs lie one behind the other from position 0.
    """

    counts: np.ndarray

    @cached_property
    def starts(self) -> np.ndarray:
        """int64 [S], first position of each run."""
        return np.cumsum(self.counts) - self.counts

    def spread(self, values: np.ndarray) -> np.ndarray:
        """Repeat a value per run [S] for each of its positions [n]."""
        return np.repeat(values, self.counts)

    def max(self, values: np.ndarray) -> np.ndarray:
        """Largest value of each run, [S] of [n]."""
        return np.maximum.reduceat(values, self.starts)

    def min(self, values: np.ndarray) -> np.ndarray:
        """Smallest value of each run, [S] of [n]."""
        return np.minimum.reduceat(values, self.starts)

    def largest(self, values: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Position of each run's largest value; equal ones are equally likely.

        Args:
            values: [n], none NaN.
            uniform: float64 [S] in [0, 1), one random number per run; decides among equal values.

        Returns:
            int64 [S], positions in `values`.
        """
        tied = np.flatnonzero(values == self.spread(self.max(values)))
        first = np.searchsorted(tied, self.starts)
        count = np.diff(first, append=len(tied))
        return tied[first + (uniform * count).astype(np.int64)]

    def ranked(self, values: np.ndarray, rank: np.ndarray) -> np.ndarray:
        """The value at a rank of each run, rank 0 being the largest; [S] of [n] and int64 [S]."""
        result = np.empty(len(self.counts), dtype=values.dtype)
        for count in np.unique(self.counts):
            runs = np.flatnonzero(self.counts == count)
            block = values[self.starts[runs, None] + np.arange(count)]
            wanted = count - 1 - rank[runs]
            ordered = np.partition(block, np.unique(wanted), axis=1)
            result[runs] = ordered[np.arange(len(runs)), wanted]
        return result

    def some(self, runs: np.ndarray) -> tuple[np.ndarray, Segments]:
        """Positions of some runs, one run behind the other, and the runs they form then."""
        chosen = Segments(self.counts[runs])
        within = np.arange(int(chosen.counts.sum())) - chosen.spread(chosen.starts)
        return chosen.spread(self.starts[runs]) + within, chosen
