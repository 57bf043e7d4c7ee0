"""Details of labelled pairs for an export: their votes, how far they are apart, and how the pair was chosen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.exchange.choices import AUDIT, first_choices
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.verdicts import BOTH_BAD, TIE, WORDS, A, B

Name = Callable[[str], str]

_CRITERION = pa.struct([("name", pa.string()), ("soft_label", pa.float64()), ("n", pa.int32())])
_VOTE = pa.struct(
    [
        ("annotator", pa.string()),
        ("verdict", pa.string()),
        ("strength", pa.float64()),
        ("reasons", pa.list_(pa.string())),
        ("criteria", pa.list_(pa.struct([("name", pa.string()), ("verdict", pa.string())]))),
        ("duration_ms", pa.int64()),
        ("timestamp", pa.string()),
        ("source", pa.string()),
        ("is_adjudication", pa.bool_()),
    ]
)
# By row of an export, beside the columns that every export has.
DETAILS = pa.schema(
    [
        ("pair_id", pa.string()),
        ("soft_label", pa.float64()),
        ("trained_label", pa.float64()),
        ("vote_margin", pa.float64()),
        ("n_votes", pa.int32()),
        *((f"votes_{word}", pa.int32()) for word in ("chosen", "rejected", *WORDS[TIE:])),
        ("adjudicated", pa.string()),
        ("criteria", pa.list_(_CRITERION)),
        ("round", pa.int32()),
        ("policy", pa.string()),
        ("audit", pa.bool_()),
    ]
)
VOTES = pa.field("votes", pa.list_(_VOTE))
LABEL = pa.field("label", pa.string())

_SHARES = {"a": 1.0, "b": 0.0, "tie": 0.5}


class Details:
    """What is known of labelled pairs besides who won.

    Args:
        pairs: the labelled pairs, a table of `aggregate.AGGREGATED`.
        lines: of the log, as far as `pairs` was made from it.
        issued: the campaign's record of chosen pairs (`issued.ISSUED`), or None.
        name: gives each annotator's name in the export, None to leave the individual votes out.
    """

    def __init__(
        self, pairs: pa.Table, lines: pa.Table, issued: pa.Table | None, name: Name | None = None
    ) -> None:
        self._pairs = pairs
        self._place = {id_: row for row, id_ in enumerate(self._pairs["pair_id"].to_pylist())}
        votes, rulings = divided(standing_votes(lines))
        self._counts = _counts(votes, self._pairs["pair_id"])
        # A pair has one ruling at most: the last.
        self._rulings = dict(zip(rulings["pair_id"].to_pylist(), rulings["verdict"].to_pylist(), strict=True))
        self._soft = _vote_shares(self._counts)
        # What the pairs train, where labels are aggregated into more than a verdict.
        has_shares = "share_a" in pairs.column_names
        self._trained = pairs["share_a"].to_pylist() if has_shares else [None] * len(pairs)
        self._rounds = self._pairs["round"].to_pylist()
        self._chosen = first_choices(issued)
        self._votes, self._ruled = _by_pair(votes), _by_pair(rulings)
        self._name = name
        self.schema = pa.schema([*DETAILS, *([VOTES] if name is not None else [])])

    def label(self, pair: str) -> str | None:
        """What kind of row a pair without a winner is, None where nothing was said.

        `disputed`: as many people preferred the one answer as the other, and no fewer than had no preference;
        nobody said that they were alike. Otherwise `tie`, or `both_bad` where all who judged said so.
        """
        if pair in self._rulings:
            ruling = self._rulings[pair]
            return ruling if ruling in ("tie", "both_bad") else None
        counts = self._counts[self._place[pair]]
        if 0 < counts[A] == counts[B] >= counts[TIE]:
            return "disputed"
        return "tie" if counts[[A, B, TIE]].any() else "both_bad" if counts[BOTH_BAD] else None

    def row(self, pair: str, is_turned: bool) -> dict[str, Any]:
        """The details of one pair as a row of an export.

        Args:
            pair: its id.
            is_turned: whether completion b is the chosen one.
        """
        place = self._place[pair]
        counts, soft, trained = self._counts[place].tolist(), self._soft[place], self._trained[place]
        a, b, *others = counts
        chosen, rejected = (b, a) if is_turned else (a, b)
        judged = a + b + counts[TIE]
        choice, ruling = self._chosen.get(pair), self._rulings.get(pair)
        row = {
            "pair_id": pair,
            "soft_label": None if np.isnan(soft) else _turned(float(soft), is_turned),
            "trained_label": None if trained is None else _turned(trained, is_turned),
            "vote_margin": (chosen - rejected) / judged if judged else None,
            "n_votes": sum(counts),
            **dict(zip(DETAILS.names[5:10], (chosen, rejected, *others), strict=True)),
            "adjudicated": None if ruling is None else _side(ruling, is_turned),
            "criteria": self._criteria(pair, is_turned),
            "round": self._rounds[place] if choice is None else choice["round"],
            "policy": None if choice is None else choice["policy"],
            "audit": None if choice is None else choice["kind"] == AUDIT,
        }
        if self._name is None:
            return row
        said = (*self._votes.get(pair, ()), *self._ruled.get(pair, ()))
        return row | {"votes": [self._vote(vote, is_turned) for vote in said]}

    def _criteria(self, pair: str, is_turned: bool) -> list[dict[str, Any]]:
        shares: dict[str, list[float]] = defaultdict(list)
        for vote in self._votes.get(pair, ()):
            for name, verdict in vote["criteria"] or ():
                shares[name].append(_SHARES[verdict])
        return [
            {"name": name, "soft_label": _turned(float(np.mean(values)), is_turned), "n": len(values)}
            for name, values in sorted(shares.items())
        ]

    def _vote(self, vote: Mapping[str, Any], is_turned: bool) -> dict[str, Any]:
        assert self._name is not None
        criteria = vote["criteria"]
        return {
            "annotator": self._name(vote["annotator"]),
            "verdict": _side(vote["verdict"], is_turned),
            **{name: vote[name] for name in ("strength", "reasons", "duration_ms", "timestamp", "source")},
            "criteria": criteria
            and [{"name": name, "verdict": _side(verdict, is_turned)} for name, verdict in criteria],
            "is_adjudication": vote["purpose"] is not None,
        }


def divided(standing: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The votes among standing words, and the rulings: who decides a conflict has no vote on it."""
    is_vote = pc.is_null(standing["purpose"])
    return standing.filter(is_vote), standing.filter(pc.invert(is_vote))


def _counts(votes: pa.Table, pairs: pa.ChunkedArray) -> np.ndarray:
    """Votes of pairs by word, int64 [n, words]."""
    place = pc.index_in(votes["pair_id"], value_set=pairs.combine_chunks())
    word = pc.index_in(votes["verdict"], value_set=pa.array(WORDS))
    key = pc.drop_null(pc.add(pc.multiply(place.cast(pa.int64()), len(WORDS)), word.cast(pa.int64())))
    return np.bincount(key.to_numpy(), minlength=len(pairs) * len(WORDS)).reshape(-1, len(WORDS))


def _vote_shares(counts: np.ndarray) -> np.ndarray:
    """Share of votes for completion a, a tie as half a vote for each, float64 [n]; NaN where nobody has judged."""
    judged = counts[:, [A, B, TIE]].sum(axis=1)
    shares = np.full(len(counts), np.nan)
    return np.divide(counts[:, A] + counts[:, TIE] / 2, judged, out=shares, where=judged > 0)


def _by_pair(standing: pa.Table) -> dict[str, list[dict[str, Any]]]:
    names = ["pair_id", "purpose", "criteria", *(name for name in _VOTE.names if name in standing.column_names)]
    votes: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for batch in standing.select(list(dict.fromkeys(names))).to_batches(max_chunksize=10_000):
        for row in batch.to_pylist():
            votes[row["pair_id"]].append(row)
    return votes


def _side(verdict: str, is_turned: bool) -> str:
    if verdict not in ("a", "b"):
        return verdict
    return "chosen" if (verdict == "b") == is_turned else "rejected"


def _turned(share: float, is_turned: bool) -> float:
    return 1 - share if is_turned else share
