"""Votes: the standing words on pairs as arrays of numbers, for what counts and weighs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import BOTH_BAD, COMPARED, SKIP, TIE, WORDS, all_turned

BothBad = Literal["none", "tie"]


@dataclass(frozen=True)
class Votes:
    """V votes, each a, b or tie, of W people on P pairs; one person may be several annotators to nobody.

    Attributes:
        pair: int64 [V], number of each vote's pair, from 0 in order of first vote.
        person: int64 [V], number of each vote's annotator, likewise.
        verdict: int8 [V], codes of `prefloop.labels.verdicts`: A, B or TIE.
        row: int64 [V], row of each vote in the table that it was read from.
        pair_ids: [P] Arrow strings.
        people: [W] Arrow strings, names.
    """

    pair: np.ndarray
    person: np.ndarray
    verdict: np.ndarray
    row: np.ndarray
    pair_ids: pa.Array
    people: pa.Array

    def __len__(self) -> int:
        return len(self.pair)

    @cached_property
    def counts(self) -> np.ndarray:
        """int64 [P, 3], how many said a, b and tie of each pair."""
        size = len(self.pair_ids) * len(COMPARED)
        return np.bincount(self.pair * len(COMPARED) + self.verdict, minlength=size).reshape(-1, len(COMPARED))

    def take(self, kept: np.ndarray) -> Votes:
        """Some of the votes, by their places or a mask; pairs and people keep their numbers."""
        columns = (self.pair[kept], self.person[kept], self.verdict[kept], self.row[kept])
        return Votes(*columns, self.pair_ids, self.people)

    def turned(self, pairs: np.ndarray) -> Votes:
        """The same votes with a and b changed over on some pairs, bool [P]."""
        verdict = np.where(pairs[self.pair], all_turned(self.verdict), self.verdict).astype(np.int8)
        return Votes(self.pair, self.person, verdict, self.row, self.pair_ids, self.people)


def votes_of(standing: pa.Table, both_bad: BothBad) -> Votes:
    """The votes among standing words: an adjudication is none, and who skips has said nothing of the pair.

    Args:
        standing: as `prefloop.labels.aggregate.standing_votes` gives it.
        both_bad: whether who says that both are bad has said nothing (none), or that neither is better (tie).
    """
    verdict, counts = compared(standing["verdict"], both_bad)
    row = np.flatnonzero(counts & pc.is_null(standing["purpose"]).to_numpy())
    votes = standing.select(["pair_id", "annotator"]).take(row)
    pair, pair_ids = numbered(votes["pair_id"])
    person, people = numbered(votes["annotator"])
    return Votes(pair, person, verdict[row], row, pair_ids, people)


def compared(words: pa.ChunkedArray, both_bad: BothBad) -> tuple[np.ndarray, np.ndarray]:
    """Words [n] as A, B or TIE, int8, and which of them say anything of the pair, bool."""
    verdict = pc.index_in(words, pa.array(WORDS)).to_numpy().astype(np.int8)
    says = (verdict != SKIP) & ((verdict != BOTH_BAD) | (both_bad == "tie"))
    return np.minimum(verdict, TIE).astype(np.int8), says


def numbered(column: pa.Array | pa.ChunkedArray) -> tuple[np.ndarray, pa.Array]:
    """Number of each text, int64, from 0 in order of first appearance, and the distinct texts."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    encoded = pc.dictionary_encode(pa.concat_arrays([pa.array([], pa.string()), *chunks]))
    return encoded.indices.to_numpy().astype(np.int64), encoded.dictionary
