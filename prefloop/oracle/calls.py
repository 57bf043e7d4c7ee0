"""Annotation calls: what labels cost a judge that scores single responses, each of them once.

However often a response is compared, its score is asked for once.
"""

from __future__ import annotations

import numpy as np

from prefloop.data.pairs import Pairs
from prefloop.oracle.simulated import SimulatedOracle


class AnnotationCalls:
    """Counts judgements over a run: a scored response costs one, a listed verdict one.

    A comparison of two responses costs two unless they were scored before; a rule that reads the
    scores of all of a prompt's responses (maxmin) costs one for each.
    """

    def __init__(self, oracle: SimulatedOracle, completions: int) -> None:
        self._oracle = oracle
        self._scored = np.zeros(completions, dtype=bool)
        self._verdicts = 0
        self._looked: list[np.ndarray] = []

    @property
    def total(self) -> int:
        """Judgements so far."""
        return int(self._scored.sum()) + self._verdicts

    def scores(self, rows: np.ndarray) -> np.ndarray:
        """The judge's scores of completion rows, float64 [n]; what selection looks at is counted."""
        self._looked.append(rows)
        return self._oracle.scores(rows)

    def looked_at(self) -> np.ndarray:
        """Completion rows int64 that selection asked about since the last call, ascending."""
        rows = np.unique(np.concatenate([np.zeros(0, dtype=np.int64), *self._looked]))
        self._looked = []
        return rows

    def add(self, pairs: Pairs, looked_at: np.ndarray) -> None:
        """Count one round: its comparisons, and the responses that selection asked about."""
        listed = self._oracle.listed(pairs.a, pairs.b)
        self._verdicts += int(listed.sum())
        self._scored[np.concatenate([pairs.a[~listed], pairs.b[~listed], looked_at])] = True
