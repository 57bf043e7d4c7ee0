"""Habits of annotators: how fast, how undecided, how biased to one side, and how much like the others they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import BOTH_BAD, SKIP, TIE, WORDS, A, B, Word

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
        who, names = _numbered(votes["annotator"])
        pair, _ = _numbered(votes["pair_id"])
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
    """One row an annotator, the one with most votes first.

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
    for number, name in enumerate(words.names):
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


@dataclass(frozen=True)
class AskedTwice:
    """Questions that a person was asked again.

    Attributes:
        who: their annotators.
        before, again: int64 [m], the words given before and when asked again.
    """

    who: list[str]
    before: np.ndarray
    again: np.ndarray

    @property
    def votes(self) -> np.ndarray:
        """int64 [m', 3], both words on each question as votes for a, b and neither; without those with a skip."""
        said = np.minimum(np.stack([self.before, self.again], axis=1), TIE)
        said = said[((self.before != SKIP) & (self.again != SKIP))]
        votes: np.ndarray = np.eye(TIE + 1, dtype=np.int64)[said].sum(axis=1)
        return votes

    def by_name(self) -> dict[str, dict[str, Any]]:
        """How often each annotator was asked again (repeats), and the share answered alike (consistent)."""
        alike: dict[str, list[bool]] = {}
        for name, same in zip(self.who, (self.before == self.again).tolist(), strict=True):
            alike.setdefault(name, []).append(same)
        return {
            name: {"repeats": len(each), "consistent": _rounded(sum(each) / len(each), 3)}
            for name, each in alike.items()
        }


def asked_twice(lines: pa.Table) -> AskedTwice:
    """The repeated questions of a log, each with the word that its annotator gave before.

    Args:
        lines: the log, in order.
    """
    said = lines.filter(pc.is_valid(lines["verdict"])).select(["annotator", "pair_id", "verdict", "purpose"])
    is_repeat = pc.fill_null(pc.equal(said["purpose"], "repeat"), False).to_numpy()
    said = said.filter(pa.array(is_repeat | pc.is_null(said["purpose"]).to_numpy()))
    is_repeat = pc.is_valid(said["purpose"]).to_numpy()
    who, names = _numbered(said["annotator"])
    pair, _ = _numbered(said["pair_id"])
    word = pc.index_in(said["verdict"], value_set=pa.array(WORDS)).to_numpy().astype(np.int64)
    order = np.lexsort((pair, who))
    follows = (who[order][1:] == who[order][:-1]) & (pair[order][1:] == pair[order][:-1])
    pick = follows & is_repeat[order][1:]
    before, again = order[:-1][pick], order[1:][pick]
    return AskedTwice([names[number] for number in who[again].tolist()], word[before], word[again])


def gold_answers(lines: pa.Table, answers: Mapping[str, Word]) -> dict[str, dict[str, Any]]:
    """How many gold items each annotator answered as they are known: gold and correct, by name.

    Args:
        lines: the log, in order.
        answers: known verdicts by pair id; a line on another pair counts for nothing.
    """
    gold = lines.filter(pc.fill_null(pc.equal(lines["purpose"], "gold"), False))
    columns = (gold[name].to_pylist() for name in ("annotator", "pair_id", "verdict"))
    # The last word counts, and one that was taken back is none.
    given = {(name, pair): verdict for name, pair, verdict in zip(*columns, strict=True)}
    right: dict[str, list[bool]] = {}
    for (name, pair), verdict in given.items():
        if pair in answers and verdict is not None:
            right.setdefault(name, []).append(verdict == answers[pair])
    return {
        name: {"gold": len(each), "correct": _rounded(sum(each) / len(each), 3)} for name, each in right.items()
    }


def _numbered(column: pa.ChunkedArray) -> tuple[np.ndarray, list[str]]:
    encoded = column.combine_chunks().dictionary_encode()
    return np.asarray(encoded.indices, dtype=np.int64), encoded.dictionary.to_pylist()


def _mean(values: np.ndarray) -> float | None:
    values = values[np.isfinite(values)] if values.dtype == np.float64 else values
    return _rounded(float(values.mean()), 3) if len(values) else None


def _rounded(value: float, digits: int) -> float:
    return round(float(value), digits)
