"""Random numbers of a pair rule by pool row: a prompt's numbers depend on no other prompt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.rng import Stream, seed_sequence


@dataclass(frozen=True)
class Draws:
    """The random numbers of one round.

    Attributes:
        seed: the run's seed.
        round: the round.
        control: whether they belong to the control policy, which draws everything anew.
    """

    seed: int
    round: int
    control: bool

    def prompts(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The number-th random number, float64 in [0, 1), of each prompt row."""
        return self._at(1, number, rows)

    def members(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The number-th random number, float64 in [0, 1), that chooses a member for each prompt row."""
        return self._at(3, number, rows)

    def responses(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The number-th random number, float64 in [0, 1), of each completion row."""
        return self._at(2, number, rows)

    def _at(self, kind: int, number: int, rows: np.ndarray) -> np.ndarray:
        # Row r has the r-th number of one stream; PCG64 jumps to the first row that is asked for.
        keys = (1 + self.control, kind, 1 + number)
        bits = np.random.PCG64(seed_sequence(self.seed, self.round, Stream.PAIR_RULE, *keys))
        first = int(rows.min())
        bits.advance(first)
        return np.random.Generator(bits).random(int(rows.max()) - first + 1)[rows - first]
