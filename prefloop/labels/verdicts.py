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


@dataclass(frozen=True)
class Trained:
    """What reward models and DPO learn from n verdicts.

    Attributes:
        rows: int64 [m], the verdicts that train, ascending.
        winner, loser: int8 [m], which side won each and which lost: 0 for a, 1 for b.
    """

    rows: np.ndarray
    winner: np.ndarray
    loser: np.ndarray


def trained_by(verdicts: np.ndarray) -> Trained:
    """The preferences that verdicts give: a winner is one preference; a tie, both_bad and skip are none.

    This is the only place that says which verdicts train, in the pool's reward models and in DPO; how much a
    comparison weighs is said where it is trained on.

    Args:
        verdicts: codes [n].
    """
    rows = np.flatnonzero(is_decided(verdicts))
    winner = np.asarray(verdicts)[rows].astype(np.int8)
    return Trained(rows, winner, all_turned(winner))
