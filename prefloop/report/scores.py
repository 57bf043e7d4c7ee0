"""Scores of all runs by seed and evaluated prompt: each seed may have prompts of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

View = Literal["prompts", "pairs", "largest"]


@dataclass(frozen=True)
class SeedSums:
    """A score of one seed's evaluated pairs, summed over the pairs of each evaluated prompt.

    Attributes:
        sums: float64 [P, R, Q_s], policies x rounds x the prompts that this seed evaluates.
        pairs: int64 [Q_s], evaluated pairs of each prompt, at least one.
        prompt: int64 [Q_s], distinct; a number means the same prompt in every seed.
        weight: float64 [Q_s], what the prompt counts under the declared target, above 0.
    """

    sums: np.ndarray
    pairs: np.ndarray
    prompt: np.ndarray
    weight: np.ndarray

    def share(self) -> np.ndarray:
        """Weights that sum to one: float64 [Q_s]."""
        shares: np.ndarray = self.weight / self.weight.sum()
        return shares

    def by_prompt(self) -> np.ndarray:
        """Mean over the pairs of each prompt: float64 [P, R, Q_s]."""
        means: np.ndarray = self.sums / self.pairs
        return means

    def mean(self) -> np.ndarray:
        """Weighted mean over prompts, sum_q W_q y_q / sum_q W_q: float64 [P, R]."""
        # Divided last: a mean of equal numbers is that number, and stays within its bounds.
        means: np.ndarray = (self.by_prompt() @ self.weight) / self.weight.sum()
        return means


@dataclass(frozen=True)
class Scores:
    """A score of all runs, seed by seed; a seed's prompts are the same for all its policies and rounds."""

    seeds: tuple[SeedSums, ...]

    def per_seed(self) -> np.ndarray:
        """Weighted mean over prompts: float64 [P, S, R]."""
        return np.stack([seed.mean() for seed in self.seeds], axis=1)

    def mean(self) -> np.ndarray:
        """Mean over seeds of the weighted means over prompts: float64 [P, R]."""
        means: np.ndarray = self.per_seed().mean(axis=1)
        return means

    def prompts(self) -> int:
        """Number of prompts that any seed evaluates."""
        return len(np.unique(np.concatenate([seed.prompt for seed in self.seeds])))

    def pairs(self) -> int:
        """Evaluated pairs of a seed, the mean over seeds, rounded."""
        return round(float(np.mean([seed.pairs.sum() for seed in self.seeds])))

    def pooled(self, rows: Sequence[int]) -> Scores:
        """Put the mean of some policies in front: [P + 1, R, Q_s] in each seed.

        Args:
            rows: the policies that are averaged, prompt by prompt.
        """
        return Scores(
            tuple(
                replace(seed, sums=np.concatenate([seed.sums[list(rows)].mean(axis=0, keepdims=True), seed.sums]))
                for seed in self.seeds
            )
        )

    def weighted(self, view: View, largest: int | None = None) -> Scores | None:
        """The same scores under other weights, whatever the declared target.

        Args:
            view: "prompts" (every prompt counts once), "pairs" (by its evaluated pairs) or "largest" (one
                prompt alone).
            largest: number of that prompt.

        Returns:
            The scores, without the seeds that do not evaluate the one prompt; None where none does.
        """
        if view != "largest":
            return Scores(
                tuple(
                    replace(
                        seed, weight=seed.pairs.astype(np.float64) if view == "pairs" else np.ones(len(seed.pairs))
                    )
                    for seed in self.seeds
                )
            )
        seeds = tuple(
            _only(seed, largest) for seed in self.seeds if largest is not None and largest in seed.prompt
        )
        return Scores(seeds) if seeds else None


def one_split(sums: np.ndarray, pairs: np.ndarray, weight: np.ndarray) -> Scores:
    """Scores of seeds that share their evaluated prompts.

    Args:
        sums: float64 [P, S, R, Q].
        pairs: int64 [Q].
        weight: float64 [Q].
    """
    prompt = np.arange(len(pairs))
    return Scores(tuple(SeedSums(sums[:, s], pairs, prompt, weight) for s in range(sums.shape[1])))


def sums_by_prompt(scores: np.ndarray, prompt: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sum scores over the pairs of each prompt.

    Args:
        scores: float64 [..., n], one number per evaluated pair.
        prompt: int64 [n], prompt of each pair, in any order.

    Returns:
        (sums [..., Q], pairs int64 [Q]), prompts in ascending order.
    """
    order = np.argsort(prompt, kind="stable")
    _, starts, pairs = np.unique(prompt[order], return_index=True, return_counts=True)
    return np.add.reduceat(scores[..., order], starts, axis=-1), pairs


def _only(seed: SeedSums, prompt: int) -> SeedSums:
    at = np.flatnonzero(seed.prompt == prompt)
    return SeedSums(seed.sums[..., at], seed.pairs[at], seed.prompt[at], np.ones(1))
