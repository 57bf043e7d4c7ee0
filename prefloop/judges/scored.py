"""Oracles that give each completion a score: the larger one wins, equal ones tie."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from prefloop.errors import ModelError
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B


class Scored:
    """Answers by comparing two scores.

    Args:
        name: see `Annotator`.
        scores: gives float [n, 2], the scores of a and b of n comparisons.
    """

    paid = False

    def __init__(self, name: str, scores: Callable[[Sequence[Comparison]], np.ndarray]) -> None:
        self.name, self._scores = name, scores

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison.

        Raises:
            ModelError: a score is NaN or infinite.
        """
        if not comparisons:
            return []
        scores = self._scores(comparisons)
        wrong = np.flatnonzero(~np.isfinite(scores).all(axis=1))
        if wrong.size:
            raise ModelError(
                f"{self.name} gives NaN or infinity for {wrong.size} of {len(comparisons)} comparisons (first: "
                f"pair {comparisons[int(wrong[0])].pair}): take another model or word list"
            )
        gaps = scores[:, 0] - scores[:, 1]
        answers = [Answer(verdict) for verdict in np.where(gaps > 0, A, np.where(gaps < 0, B, TIE)).tolist()]
        if keep is not None:
            for position, answer in enumerate(answers):
                keep(position, answer)
        return answers


def text_scores(score: Callable[[str], float]) -> Callable[[Sequence[Comparison]], np.ndarray]:
    """Scores from the completion's text alone; the prompt is the same on both sides."""

    def scores(comparisons: Sequence[Comparison]) -> np.ndarray:
        texts = {text for comparison in comparisons for text in (comparison.a, comparison.b)}
        score_of = {text: score(text) for text in texts}
        return np.array([(score_of[c.a], score_of[c.b]) for c in comparisons], dtype=np.float64)

    return scores
