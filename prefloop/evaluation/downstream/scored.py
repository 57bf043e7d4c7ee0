"""Prompts on which a choice among completions can be right or wrong, and how good a choice is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.acquisition.segments import Segments
from prefloop.data.prepared import Prepared
from prefloop.evaluation.downstream.result import log_softmax


@dataclass(frozen=True)
class ScoredPrompts:
    """Prompts of a split whose known scores differ, with their scored completions.

    Attributes:
        prompts: int64 [Q], prompt rows, ascending.
        rows: int64 [n], completion rows with known scores, prompt by prompt.
        scores: float64 [n], scores of `rows`.
        groups: the runs of `rows` that belong to each prompt.
    """

    prompts: np.ndarray
    rows: np.ndarray
    scores: np.ndarray
    groups: Segments

    def __len__(self) -> int:
        return len(self.prompts)

    def best_scores(self) -> np.ndarray:
        """Highest score of each prompt, float64 [Q]."""
        return self.groups.max(self.scores)

    def mean_scores(self) -> np.ndarray:
        """Mean score of each prompt, float64 [Q]: what a uniform choice is expected to give."""
        return self._sum(self.scores) / self.groups.counts

    def best_of(self, rewards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Whether the completion of highest mean reward has the best score, and what is missing to it.

        Args:
            rewards: float32 [M, n], of `rows`.

        Returns:
            Hit in [0, 1] and regret (best score - score of the choice), float64 [Q] each. Completions of
            equal mean reward share the choice.
        """
        mean = rewards.mean(axis=0, dtype=np.float64)
        top = (mean == self.groups.spread(self.groups.max(mean))).astype(np.float64)
        share = top / self.groups.spread(self._sum(top))
        missing = self.groups.spread(self.best_scores()) - self.scores
        return self._sum(share * (missing == 0)), self._sum(share * missing)

    def expected_scores(self, log_policy: np.ndarray) -> np.ndarray:
        """Expected score of a policy's choice among the scored completions, float64 [Q].

        Args:
            log_policy: float64 [n], log pi(y|x) of `rows`, up to a constant per prompt.
        """
        return self._sum(np.exp(log_softmax(log_policy, self.groups)) * self.scores)

    def _sum(self, values: np.ndarray) -> np.ndarray:
        return np.add.reduceat(values, self.groups.starts)


def scored_prompts(prepared: Prepared, scores: np.ndarray, split: str) -> ScoredPrompts:
    """Find the prompts of a split with two known scores at least that are not all the same.

    Args:
        prepared: completions by prompt.
        scores: float64 [C], NaN = unknown.
        split: "pool", "val", "test" or "ood".
    """
    span = prepared.completions_of(split)
    scored = span.start + np.flatnonzero(np.isfinite(scores[span]))
    prompts, counts = np.unique(prepared.completion_prompt[scored], return_counts=True)
    groups = Segments(counts)
    differing = np.flatnonzero(groups.max(scores[scored]) > groups.min(scores[scored]))
    places, groups = groups.some(differing)
    rows = scored[places]
    return ScoredPrompts(prompts[differing], rows, scores[rows], groups)
