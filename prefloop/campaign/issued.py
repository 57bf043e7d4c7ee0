"""Issued pairs: every comparison that a campaign has chosen, with what its model predicted before any label."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.errors import StateError
from prefloop.io.arrays import read_table
from prefloop.labels.verdicts import WORDS

Kind = Literal["policy", "audit", "relabel"]

# Named as Parquet names it, so that what was read is written as the same bytes.
_LOGITS = pa.list_(pa.field("element", pa.float32()))

# One row a choice, in order; a disputed pair that is asked about again has a second row.
#   round, order: of the batch, and its place there.
#   kind: policy, audit (drawn at random under the target), or relabel (asked about once more).
#   policy: the named policy that chose the pair; null of other kinds, and where the record was begun anew.
#   annotators: people who are to be asked about it, in all.
#   probability: that completion_a is better, by the model that chose the batch, mean over members; null while
#       it is untrained, and of relabel.
#   member_logits: reward of a minus reward of b, by member; null where probability is.
#   n_labels, n_decided: labelled and decided pairs that this model was trained on.
#   score: what the pair was chosen by (of relabel: the doubt about its votes, nats).
#   uncertainty, entropy: terms of the score in nats, where the policy has them.
ISSUED = pa.schema(
    [("round", pa.int32()), ("order", pa.int32()), ("kind", pa.string())]
    + [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "policy")]
    + [("annotators", pa.int32()), ("probability", pa.float64()), ("member_logits", _LOGITS)]
    + [("n_labels", pa.int64()), ("n_decided", pa.int64())]
    + [(name, pa.float64()) for name in ("score", "uncertainty", "entropy")]
)
# Today's rest of them: what is put to annotators.
BATCH_SCHEMA = pa.schema(
    [
        ISSUED.field(name)
        for name in (
            *("round", "order", "pair_id", "prompt_id", "completion_a", "completion_b"),
            *("score", "uncertainty", "entropy", "kind", "annotators"),
        )
    ]
)


def read_issued(path: Path) -> pa.Table | None:
    """The issued pairs of a campaign; None where no batch has been recorded yet.

    Raises:
        StateError: a damaged file, or one of another version.
    """
    if not path.exists():
        return None
    table = read_table(path)
    if not table.schema.equals(ISSUED):
        raise StateError(
            f"{path} is damaged (other columns): get it back by dvc checkout, or delete it; then the record is "
            "begun anew from the label log"
        )
    return table


def issued_rows(count: int, columns: dict[str, Any]) -> pa.Table:
    """A table of ISSUED from some of its columns; the others are null."""
    return pa.table(
        [
            pa.array(columns[field.name]).cast(field.type)
            if field.name in columns
            else pa.nulls(count, field.type)
            for field in ISSUED
        ],
        schema=ISSUED,
    )


def waiting(issued: pa.Table, labels: pa.Table) -> pa.Table:
    """The issued pairs that want a further vote, each by its last row, in order of issue.

    Every vote that stands counts, a skip too, whoever asked for it; a pair that was ruled on wants none.

    Args:
        issued: a table of ISSUED.
        labels: what the log says by pair (`aggregate.AGGREGATED`).
    """
    last = issued.take(_last_rows(issued["pair_id"]))
    votes, is_ruled = standing(last["pair_id"], labels)
    wants = (votes < last["annotators"].to_numpy()) & ~is_ruled
    return last.filter(pa.array(wants)).combine_chunks()


def is_untouched(pairs: pa.ChunkedArray, labels: pa.Table) -> np.ndarray:
    """Whether nobody has a word on each of some pairs, nor ruled, bool [n]: what a campaign's buffer counts.

    A pair that somebody has answered may wait for a further person for ever, where few people label.

    Args:
        pairs: ids.
        labels: what the log says by pair (`aggregate.AGGREGATED`).
    """
    votes, is_ruled = standing(pairs, labels)
    untouched: np.ndarray = (votes == 0) & ~is_ruled
    return untouched


def standing(pairs: pa.ChunkedArray, labels: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """How many votes stand on each of some pairs, int64 [n], and whether somebody ruled on it, bool [n]."""
    if not len(labels):
        return np.zeros(len(pairs), dtype=np.int64), np.zeros(len(pairs), dtype=bool)
    row = pc.fill_null(pc.index_in(pairs, labels["pair_id"].combine_chunks()), -1).to_numpy()
    is_known, is_ruled = row >= 0, pc.is_valid(labels["ruling"]).to_numpy()
    return np.where(is_known, vote_counts(labels)[row], 0), is_known & is_ruled[row]


def vote_counts(labels: pa.Table) -> np.ndarray:
    """Votes that stand on each pair of a table of `aggregate.AGGREGATED`, int64 [n]."""
    votes = np.stack([labels[f"votes_{word}"].to_numpy() for word in WORDS])
    counts: np.ndarray = votes.sum(axis=0, dtype=np.int64)
    return counts


def words_of(labels: pa.Table) -> int:
    """All that stands in a table of `aggregate.AGGREGATED`: votes and rulings."""
    return int(vote_counts(labels).sum()) + len(labels) - labels["ruling"].null_count


def _last_rows(pairs: pa.ChunkedArray) -> np.ndarray:
    codes = pc.dictionary_encode(pairs.combine_chunks()).indices.to_numpy()
    last = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    np.maximum.at(last, codes, np.arange(len(codes)))
    return np.sort(last)
