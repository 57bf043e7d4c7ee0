"""Aggregation: from the lines of a label log to one verdict per pair."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config.model import Labels
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.soft import soft_labels
from prefloop.labels.verdicts import WORDS, majority
from prefloop.labels.votes import numbered

AGGREGATED = pa.schema(
    [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "verdict")]
    + [(f"votes_{word}", pa.int32()) for word in WORDS]
    + [("round", pa.int32()), ("order", pa.int64()), ("ruling", pa.string())]
    + [("share_a", pa.float64()), ("weight", pa.float64())]
)


def aggregate(lines: pa.Table, config: Labels) -> pa.Table:
    """One verdict per labelled pair: each annotator's last word, then the majority of a against b.

    Equal counts, ties, both_bad and skips give an undecided pair, which is a tie: it is labelled and is not asked
    again. Lines without a verdict are no labels, but for one that withdraws the annotator's word. Gold items and
    repeated questions are no votes; an adjudication has the last word on its pair. What a pair trains may be
    softer than its verdict: that is in `share_a` and `weight`.

    Args:
        lines: the log, in order, as `prefloop.labels.lines` reads it.
        config: section `labels`, by which soft labels are made.

    Returns:
        A table of AGGREGATED, in order of each pair's first label. `votes_*` count votes, each annotator's last
        word, by verdict; `round` (null where unknown) and the ids are those of the first label, `order` is its
        place among all labels. `ruling` is the word of an adjudication, which is no vote; null without one.
        `share_a` (null: it trains nothing) and `weight` are as in `prefloop.labels.soft.SoftLabels`.
    """
    labels = standing_votes(lines)
    pair, _ = numbered(labels["pair_id"])  # in order of first appearance
    first = np.unique(pair, return_index=True)[1]
    verdict = pc.index_in(labels["verdict"], pa.array(WORDS)).to_numpy().astype(np.int64)
    is_ruling = pc.is_valid(labels["purpose"]).to_numpy()
    key = (pair * len(WORDS) + verdict)[~is_ruling]
    votes = np.bincount(key, minlength=len(first) * len(WORDS)).reshape(-1, len(WORDS))
    decision, ruled = majority(votes), np.flatnonzero(is_ruling)
    decision[pair[ruled]] = majority(np.eye(len(WORDS), dtype=np.int64)[verdict[ruled]])
    ruling = np.full(len(first), -1)
    ruling[pair[ruled]] = verdict[ruled]
    columns = {name: labels[name].take(first) for name in AGGREGATED.names[:4]}
    columns |= {"verdict": pa.array(WORDS).take(decision), "round": labels["round"].take(first)}
    columns |= {f"votes_{word}": pa.array(votes[:, code]) for code, word in enumerate(WORDS)}
    columns |= {"order": labels["order"].take(first)}
    columns |= {"ruling": pa.array(WORDS).take(pa.array(ruling, mask=ruling < 0))}
    soft = soft_labels(labels, pair, ruled, config)
    columns |= {"share_a": pa.array(soft.share, mask=np.isnan(soft.share)), "weight": pa.array(soft.weight)}
    return pa.table([columns[field.name].cast(field.type) for field in AGGREGATED], schema=AGGREGATED)


def standing_votes(lines: pa.Table) -> pa.Table:
    """Each annotator's last word on each pair, where it was not withdrawn, in order of the first word on it.

    An adjudication is kept beside the vote of the same annotator; gold items and repeats are left out.

    Args:
        lines: the log, in order, a table of `prefloop.labels.lines.SCHEMA`.

    Returns:
        The lines of the last words, with the `round` of the annotator's first word on the pair and its place
        among all words, `order` int64.
    """
    spoken = pc.or_(pc.is_valid(lines["verdict"]), pc.fill_null(pc.equal(lines["reason"], WITHDRAWN), False))
    votes = pc.and_(spoken, pc.is_in(lines["purpose"], value_set=pa.array(["adjudication", None], pa.string())))
    labels = lines if pc.all(votes).as_py() else lines.filter(votes)
    labels = labels.combine_chunks()
    who = pc.if_else(pc.is_valid(labels["purpose"]), "", labels["annotator"])
    pair, person = numbered(labels["pair_id"])[0], numbered(who)[0]
    first, last = _first_and_last_words(pair, person)
    rounds = labels["round"].take(first)
    labels = labels.take(last).append_column("order", pa.array(first))
    labels = labels.set_column(labels.schema.get_field_index("round"), "round", rounds)
    stands = labels["verdict"].is_valid()
    labels = labels if pc.all(stands).as_py() else labels.filter(stands)
    return labels.take(pc.sort_indices(labels["order"])).combine_chunks()


def _first_and_last_words(pair: np.ndarray, annotator: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows int64 of each annotator's first and last word on each pair."""
    key = pair * (int(annotator.max(initial=0)) + 1) + annotator
    order = np.argsort(key, kind="stable")
    ends = np.ones(len(key) + 1, dtype=bool)
    ends[1:-1] = key[order][1:] != key[order][:-1]
    return order[ends[:-1]], order[ends[1:]]
