"""Habits of annotators: how fast, how undecided, how biased to one side, and how much like the others they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import BOTH_BAD, SKIP, TIE, WORDS, A, B

# What counts as lately, and how far a habit must have moved: standard errors, and a share, or seconds by a factor.
_LATELY, _ERRORS, _SHARE, _FACTOR = 0.2, 3.0, 0.1, 1.5


@dataclass(frozen=True)
class Words:
    """Words of the log as numbers: every verdict that stands or was given, one row each, in the log's order.

    Attributes:
        names: annotators, by number.
        who: int64 [n].
        pair: int64 [n], number of the pair.
        word: int64 [n], codes of `prefloop.labels.verdicts`.
        left: float64 [n], 1 where the answer on the left won, 0 where that on the right did, else nan.
        seconds: float64 [n], time to answer; nan where it is not known.
        alike: float64 [n], share of the others' standing votes on the pair that say the same, both_bad as a tie;
            nan where there is none.
    """

    names: list[str]
    who: np.ndarray
    pair: np.ndarray
    word: np.ndarray
    left: np.ndarray
    seconds: np.ndarray
    alike: np.ndarray

    @classmethod
    def of(cls, votes: pa.Table) -> Words:
        """Those of standing votes, adjudications left out."""
        votes = votes.filter(pc.is_null(votes["purpose"])).combine_chunks()
        who, names = numbered_names(votes["annotator"])
        pair, _ = numbered_names(votes["pair_id"])
        word = pc.index_in(votes["verdict"], value_set=pa.array(WORDS)).to_numpy().astype(np.int64)
        shown = pc.index_in(votes["shown_left"], value_set=pa.array(WORDS[:TIE]))
        shown_left = pc.fill_null(shown, -1).to_numpy().astype(np.int64)
        sided = (shown_left >= 0) & ((word == A) | (word == B))
        seconds = votes["duration_ms"].to_numpy(zero_copy_only=False).astype(np.float64) / 1000
        return cls(
            names, who, pair, word, np.where(sided, word == shown_left, np.nan), seconds, _alike(pair, word)
        )

    def by(self, number: int, order: np.ndarray) -> Words:
        """Rows of one annotator: `order` sorts rows by annotator, and keeps the log's order within."""
        start, end = np.searchsorted(self.who[order], [number, number + 1])
        rows = order[start:end]
        columns = (getattr(self, name)[rows] for name in ("who", "pair", "word", "left", "seconds", "alike"))
        return Words(self.names, *columns)


def _alike(pair: np.ndarray, word: np.ndarray) -> np.ndarray:
    """Share of the others on the pair who say the same; a skip says nothing."""
    is_vote, said = word != SKIP, np.minimum(word, TIE)
    key = pair[is_vote] * (TIE + 1) + said[is_vote]
    counts = np.bincount(key, minlength=(pair.max(initial=-1) + 1) * (TIE + 1)).reshape(-1, TIE + 1)
    others = counts.sum(axis=1)[pair] - 1
    same = counts[pair, said] - 1
    return np.where(is_vote & (others > 0), same / np.maximum(others, 1), np.nan)


def habits(words: Words, known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row an annotator, the one with most votes first; who has none but is known besides has a row too.

    Args:
        words: standing votes.
        known: further facts by annotator: money, agreement, gold items, repeats.

    Returns:
        annotator; votes; median_seconds; per_hour, votes in an hour of work; tie, both_bad and skip, shares of the
        votes; left, the share of verdicts for a side that went to the left answer; drift, see `_drift`; and what
        is known besides. A share of nothing is None.
    """
    order = np.argsort(words.who, kind="stable")
    rows = []
    for number, name in enumerate([*words.names, *(name for name in known if name not in set(words.names))]):
        own = words.by(number, order)
        rows.append({"annotator": name, **_habits(own), "drift": _drift(own), **known.get(name, {})})
    return sorted(rows, key=lambda row: (-row["votes"], row["annotator"]))


def _habits(own: Words) -> dict[str, Any]:
    timed = own.seconds[np.isfinite(own.seconds)]
    return {
        "votes": len(own.word),
        "median_seconds": _rounded(float(np.median(timed)), 1) if len(timed) else None,
        "per_hour": _rounded(3600 * len(timed) / timed.sum(), 1) if timed.sum() > 0 else None,
        **{WORDS[code]: _mean(own.word == code) for code in (TIE, BOTH_BAD, SKIP)},
        "left": _mean(own.left),
    }


def _drift(own: Words) -> list[dict[str, Any]]:
    """Habits that the last fifth of an annotator's votes has otherwise than those before, clearly.

    Returns:
        habit (agreement, left, tie, both_bad, skip or seconds), before and lately, for each whose means differ by
        three standard errors and a tenth (seconds: their geometric means, by half) or more.
    """
    lately = np.arange(len(own.word)) >= len(own.word) - round(_LATELY * len(own.word))
    values = {"agreement": own.alike, "left": own.left}
    values |= {WORDS[code]: (own.word == code).astype(np.float64) for code in (TIE, BOTH_BAD, SKIP)}
    values["seconds"] = np.log(np.maximum(own.seconds, 0.05))
    moved = []
    for habit, value in values.items():
        parts = [value[rows & np.isfinite(value)] for rows in (~lately, lately)]
        if min(map(len, parts)) < 10:
            continue
        means = [float(part.mean()) for part in parts]
        # With the pooled variance: of ten votes that are all alike the own one is nothing.
        error = np.concatenate(parts).std() * np.sqrt(sum(1 / len(part) for part in parts))
        least = np.log(_FACTOR) if habit == "seconds" else _SHARE
        if abs(means[1] - means[0]) > max(_ERRORS * error, least):
            before, after = np.exp(means) if habit == "seconds" else means
            moved.append({"habit": habit, "before": _rounded(before, 3), "lately": _rounded(after, 3)})
    return moved


def numbered_names(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    """Number of each text, int64, from 0 in order of first appearance, and the distinct texts."""
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices, dtype=np.int64), encoded.dictionary.to_pylist()


def _mean(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)] if values.dtype == np.float64 else values
    return _rounded(float(values.mean()), 3) if len(values) else None


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits)
