"""Accuracies by rewards: per subset, per section, and the leaderboard's number.

Source: Lambert et al. 2024 (RewardBench, arXiv 2403.13787) and Malik et al. 2025 (RewardBench 2,
arXiv 2506.01937), by the code of github.com/allenai/reward-bench: scripts/run_rm.py (commit 045c7f8),
scripts/run_v2.py (0016644), and rewardbench/utils.py (a009692).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefloop.errors import ModelError
from prefloop.evaluation.rewardbench.items import Item, Version
from prefloop.evaluation.rewardbench.sections import is_complete, section_scores
from prefloop.evaluation.rewardbench.ties import TiesScore, ties_score
from prefloop.uncertainty import deviation


@dataclass(frozen=True)
class SubsetScore:
    """One subset, or several together.

    Attributes:
        n: rows.
        accuracy: mean credit of the rows; for the subset Ties its score.
        uncertainty: mean over completions of the standard deviation over members.
    """

    n: int
    accuracy: float
    uncertainty: float


@dataclass(frozen=True)
class Result:
    """What a reward ensemble scores.

    Attributes:
        version: RewardBench 1 or 2.
        subsets: by name, sorted.
        rows: all rows together but those of the subset Ties; None where there is no other.
        sections: RewardBench 1's sections that have a subset here; empty for RewardBench 2.
        score: mean of the sections (1) or of the subsets (2); None without any section.
        complete: whether all published subsets are there, so that `score` is the leaderboard's.
        ties: parts of the score of the subset Ties, where there is one.
        credits: of each row, in [0, 1]; None in the subset Ties, which is scored as a whole.
        reward_C, uncertainty_C: float64 [C], mean and unbiased standard deviation over members.
    """

    version: Version
    subsets: dict[str, SubsetScore]
    rows: SubsetScore | None
    sections: dict[str, float]
    score: float | None
    complete: bool
    ties: TiesScore | None
    credits: list[float | None]
    reward_C: np.ndarray
    uncertainty_C: np.ndarray


def evaluate(version: Version, items: Sequence[Item], rewards_M_C: np.ndarray) -> Result:
    """Score the rewards that an ensemble gives to the completions of all items.

    The reward of a completion is the mean over members.

    Args:
        version: which RewardBench: they treat equal rewards differently (see `credit`).
        items: n >= 1 rows.
        rewards_M_C: float [M, C], M >= 2; all completions, item by item.

    Raises:
        ModelError: rewards that are not finite.
    """
    rewards = np.asarray(rewards_M_C, dtype=np.float64)
    sizes = [len(item.completions) for item in items]
    _check_finite(rewards, np.repeat([item.id for item in items], sizes))
    mean_C, deviation_C = rewards.mean(axis=0), deviation(rewards)
    values, deviations = (np.split(x, np.cumsum(sizes)[:-1]) for x in (mean_C, deviation_C))
    ties = _ties(items, values) if version == 2 else None
    credits_ = [
        None if version == 2 and item.is_tie else credit(version, row_rewards, item.n_chosen)
        for item, row_rewards in zip(items, values, strict=True)
    ]
    subsets = _subsets(items, credits_, deviations, ties)
    accuracies = {name: subset.accuracy for name, subset in subsets.items()}
    sections = section_scores(accuracies) if version == 1 else {}
    parts = list((sections if version == 1 else accuracies).values())
    return Result(
        version=version,
        subsets=subsets,
        rows=_together(credits_, deviations),
        sections=sections,
        score=float(np.mean(parts)) if parts else None,
        complete=is_complete(version, set(subsets)),
        ties=ties,
        credits=credits_,
        reward_C=mean_C,
        uncertainty_C=deviation_C,
    )


def credit(version: Version, rewards: np.ndarray, n_chosen: int) -> float:
    """What one row counts.

    RewardBench 1: 1 where chosen > rejected, else 0; equal rewards are no success (scripts/run_rm.py).
    RewardBench 2: the share of chosen completions among those with the highest reward: 1 / their number
    where the chosen one is among them (`reroll_and_score_dataset` in rewardbench/utils.py).

    Args:
        version: which RewardBench.
        rewards: float64 [K], chosen ones first.
        n_chosen: how many are chosen; one in all published subsets but Ties.
    """
    if version == 1:
        return float(rewards[:n_chosen].min() > rewards[n_chosen:].max())
    best = rewards == rewards.max()
    return float(best[:n_chosen].sum() / best.sum())


def _ties(items: Sequence[Item], values: list[np.ndarray]) -> TiesScore | None:
    tied = [
        (item.id, row_rewards, item.n_chosen)
        for item, row_rewards in zip(items, values, strict=True)
        if item.is_tie
    ]
    return ties_score(*zip(*tied, strict=True)) if tied else None


def _subsets(
    items: Sequence[Item], credits_: list[float | None], deviations: list[np.ndarray], ties: TiesScore | None
) -> dict[str, SubsetScore]:
    rows: dict[str, list[int]] = {}
    for row, item in enumerate(items):
        rows.setdefault(item.subset, []).append(row)
    subsets = {}
    for name in sorted(rows):
        credited = [value for row in rows[name] if (value := credits_[row]) is not None]
        # Only the subset Ties has rows without a credit.
        accuracy = ties.score if ties and not credited else float(np.mean(credited))
        subsets[name] = _subset_score(accuracy, [deviations[row] for row in rows[name]])
    return subsets


def _together(credits_: list[float | None], deviations: list[np.ndarray]) -> SubsetScore | None:
    credited = [
        (value, row_deviations)
        for value, row_deviations in zip(credits_, deviations, strict=True)
        if value is not None
    ]
    return (
        _subset_score(float(np.mean([v for v, _ in credited])), [row_deviations for _, row_deviations in credited])
        if credited
        else None
    )


def _subset_score(accuracy: float, deviations: list[np.ndarray]) -> SubsetScore:
    return SubsetScore(len(deviations), accuracy, float(np.concatenate(deviations).mean()))


def _check_finite(rewards: np.ndarray, ids: np.ndarray) -> None:
    wrong = np.flatnonzero(~np.isfinite(rewards).all(axis=0))
    if wrong.size:
        raise ModelError(
            f"the ensemble gives NaN or infinity to {wrong.size} of {len(ids)} completions (first: of the row "
            f"with id {ids[wrong[0]]}): train it again"
        )
