"""Aggregation: from the lines of a label log to one verdict per pair."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import WORDS, majority

AGGREGATED = pa.schema(
    [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "verdict")]
    + [(f"votes_{word}", pa.int32()) for word in WORDS]
    + [("round", pa.int32()), ("order", pa.int64())]
)


def aggregate(lines: pa.Table) -> pa.Table:
    """One verdict per labelled pair: each annotator's last word, then the majority of a against b.

    Equal counts, ties, both_bad and skips give an undecided pair, which is a tie: it is labelled, is not asked
    again, and trains nothing. Lines without a verdict are no labels.

    Args:
        lines: the log, in order, as `prefloop.labels.lines` reads it.

    Returns:
        A table of AGGREGATED, in order of each pair's first label. `votes_*` count last words by verdict; `round`
        (null where unknown) and the ids are those of the first label, `order` is its place among all labels.
    """
    labels = lines.select([*AGGREGATED.names[:5], "annotator", "round"])
    if labels["verdict"].null_count:
        labels = labels.filter(pc.is_valid(labels["verdict"]))
    labels = labels.combine_chunks()
    pair = _codes(labels["pair_id"])  # numbered in order of first appearance
    first = np.unique(pair, return_index=True)[1]
    last = _last_words(pair, _codes(labels["annotator"]))
    verdict = pc.index_in(labels["verdict"], pa.array(WORDS)).to_numpy().astype(np.int64)
    votes = np.bincount(pair[last] * len(WORDS) + verdict[last], minlength=len(first) * len(WORDS))
    votes = votes.reshape(-1, len(WORDS))
    columns = {name: labels[name].take(first) for name in AGGREGATED.names[:4]}
    columns |= {"verdict": pa.array(WORDS).take(majority(votes)), "round": labels["round"].take(first)}
    columns |= {f"votes_{word}": pa.array(votes[:, code]) for code, word in enumerate(WORDS)}
    columns["order"] = pa.array(first)
    return pa.table([columns[field.name].cast(field.type) for field in AGGREGATED], schema=AGGREGATED)


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    encoded = pc.dictionary_encode(column).combine_chunks()
    arrays = encoded.chunks if isinstance(encoded, pa.ChunkedArray) else [encoded]
    codes = [np.asarray(array.indices, dtype=np.int64) for array in arrays]
    return np.concatenate([np.zeros(0, dtype=np.int64), *codes])


def _last_words(pair: np.ndarray, annotator: np.ndarray) -> np.ndarray:
    """Rows int64 of each annotator's last label of each pair."""
    key = pair * (int(annotator.max(initial=0)) + 1) + annotator
    order = np.argsort(key, kind="stable")
    ends = np.ones(len(key), dtype=bool)
    ends[:-1] = key[order][1:] != key[order][:-1]
    return order[ends]
