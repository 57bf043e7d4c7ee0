"""Verdicts: the words, their integer codes, turning one round, and what of them trains.

In files and tables a verdict is a word, in arrays its place in `WORDS`. A hidden answer or a judge says one of the
first three; people can say all five.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

Compared = Literal["a", "b", "tie"]
Word = Literal["a", "b", "tie", "both_bad", "skip"]
# What an adjudication may say.
Ruling = Literal["a", "b", "tie", "both_bad"]

COMPARED: tuple[Compared, ...] = get_args(Compared)
WORDS: tuple[Word, ...] = get_args(Word)
A, B, TIE, BOTH_BAD, SKIP = range(len(WORDS))


def is_decided(verdicts: np.ndarray) -> np.ndarray:
    """Which verdicts [n] name a winner, bool [n]."""
    return (verdicts == A) | (verdicts == B)


def turned(verdict: int) -> int:
    """A verdict on (a, b) as one on (b, a)."""
    return {A: B, B: A}.get(verdict, verdict)


def all_turned(verdicts: np.ndarray) -> np.ndarray:
    """Verdicts on (a, b) as ones on (b, a), of the same type [n]."""
    return np.where(is_decided(verdicts), A + B - verdicts, verdicts).astype(verdicts.dtype)


def majority(votes: np.ndarray) -> np.ndarray:
    """The verdict of each pair's votes: A or B where it has more than the other, else TIE.

    Args:
        votes: integers [n, 3 or more], how many said each of `WORDS`.

    Returns:
        int8 [n].
    """
    return np.where(votes[:, A] > votes[:, B], A, np.where(votes[:, B] > votes[:, A], B, TIE)).astype(np.int8)


def shares(verdicts: np.ndarray) -> np.ndarray:
    """Weight of "a is better", float64 [n]: 1 where a won, 0 where b did, NaN where neither: it trains nothing."""
    return np.where(verdicts == A, 1.0, np.where(verdicts == B, 0.0, np.nan))


@dataclass(frozen=True)
class Trained:
    """What reward models and DPO learn from n labels.

    Attributes:
        rows: int64 [m], the labels that train, ascending; one that trains both ways stands twice.
        winner, loser: int8 [m], which side won each and which lost: 0 for a, 1 for b.
        share: float64 [m], the part of its label's weight that each has: 1 where the label has one winner.
    """

    rows: np.ndarray
    winner: np.ndarray
    loser: np.ndarray
    share: np.ndarray


def trained_by(share: np.ndarray) -> Trained:
    """The preferences that labels give: one where there is a winner, one each way of a soft label, else none.

    This is the only place that says which labels train, in the pool's reward models and in DPO; how much a
    label weighs is said where it is trained on.

    Args:
        share: weight of "a is better", [n], 0 to 1; NaN trains nothing. Of verdicts it is `shares`.
    """
    parts = np.stack([share, 1 - share], axis=1)
    rows, winner = np.nonzero(parts > 0)
    winner = winner.astype(np.int8)
    return Trained(rows, winner, all_turned(winner), parts[rows, winner])
