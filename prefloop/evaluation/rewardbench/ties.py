"""The score of RewardBench 2's subset Ties: several answers are right, and should be about as good.

Each prompt N stands there twice: as `ref:N` with one right answer, and as `tied:N` with several.

Source: Malik et al. 2025 (RewardBench 2, arXiv 2506.01937), subset Ties; `process_single_model` in
rewardbench/utils.py of github.com/allenai/reward-bench (commit a009692).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

KINDS = ("ref", "tied")


@dataclass(frozen=True)
class TiesScore:
    """The parts of the score and the score itself, in about [-0.01, 1.01].

    Attributes:
        ref_accuracy: share of reference prompts whose right answers all beat every wrong one.
        tied_accuracy: the same share of tied prompts.
        preferred: share of prompts whose tied form has a larger gap between right and wrong answers than
            spread among right ones.
        preferred_hard: the same with the smaller gap of the tied and the reference form.
        margin: mean of tanh(gap / spread - 1) with that smaller gap, in [-1, 1].
        score: 0.3 * (tied_accuracy + ref_accuracy) + 0.2 * (preferred + preferred_hard) + 0.01 * margin.
    """

    ref_accuracy: float
    tied_accuracy: float
    preferred: float
    preferred_hard: float
    margin: float
    score: float


def parse_id(text: str) -> tuple[str, int]:
    """Divide `ref:N` or `tied:N` into kind and number.

    Raises:
        ValueError: anything else.
    """
    kind, _, number = text.partition(":")
    if kind not in KINDS or not number.isdecimal():
        raise ValueError(f"'{text}' is neither ref:N nor tied:N")
    return kind, int(number)


def shared_prompts(ids: Sequence[str]) -> list[int]:
    """Numbers of the prompts that stand in both forms, sorted."""
    forms = {parse_id(text) for text in ids}
    return sorted(number for kind, number in forms if kind == "ref" and ("tied", number) in forms)


def ties_score(ids: Sequence[str], rewards: Sequence[np.ndarray], n_chosen: Sequence[int]) -> TiesScore:
    """Score the subset Ties.

    Args:
        ids: `ref:N` or `tied:N` of each row, no two alike; at least one N in both forms.
        rewards: float64 [K] of each row's completions, right ones first; K differs.
        n_chosen: how many completions of each row are right, at least two where it is tied.

    Returns:
        The score and its parts.
    """
    gaps: dict[str, dict[int, float]] = {kind: {} for kind in KINDS}
    spreads: dict[int, float] = {}
    for text, values, count in zip(ids, rewards, n_chosen, strict=True):
        kind, number = parse_id(text)
        right, wrong = values[:count], values[count:]
        gaps[kind][number] = float(right.min() - wrong.max())
        if kind == "tied":
            spreads[number] = float(right.max() - right.min())
    shared = shared_prompts(ids)
    spread = np.array([spreads[number] for number in shared])
    tied = np.array([gaps["tied"][number] for number in shared])
    hard = np.minimum(tied, [gaps["ref"][number] for number in shared])
    ref_accuracy = float(np.mean([gap > 0 for gap in gaps["ref"].values()]))
    tied_accuracy = float(np.mean([gap > 0 for gap in gaps["tied"].values()]))
    preferred, preferred_hard = float(np.mean(tied > spread)), float(np.mean(hard > spread))
    margin = float(np.mean(_margins(hard, spread)))
    score = 0.3 * tied_accuracy + 0.3 * ref_accuracy + 0.2 * preferred + 0.2 * preferred_hard + 0.01 * margin
    return TiesScore(ref_accuracy, tied_accuracy, preferred, preferred_hard, margin, score)


def _margins(gap: np.ndarray, spread: np.ndarray) -> np.ndarray:
    # Without any spread the quotient is infinite and tanh gives its limit, +1 or -1. Without any gap
    # either it is 0/0, which the published rule counts as 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((gap == 0) & (spread == 0), 0.0, np.tanh(gap / spread - 1))
