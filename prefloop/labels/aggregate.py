"""From a log of verdicts to one verdict per pair, by row number."""

from __future__ import annotations

import logging
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.pairs import Pairs
from prefloop.data.prepared import Prepared
from prefloop.errors import DataError
from prefloop.labels.log import Label
from prefloop.labels.verdicts import TIE, A, B
from prefloop.pool.problem import Problem
from prefloop.pool.steps import Labelled

log = logging.getLogger("prefloop")


def resolve_labels(labels: list[Label], prepared: Prepared, within: slice) -> Labelled:
    """One verdict per labelled pair: each annotator's last word, then the majority of a against b.

    Equal counts, ties, both_bad and skips give an undecided pair: it is labelled, is not asked
    again, and trains nothing. Pairs whose completions are no longer in the pool (the data or the
    split changed) are left out with a warning; their lines stay in the log.

    Args:
        labels: the log, in order.
        prepared: rows of the completions.
        within: the completions that may be labelled: the pool's, or all.

    Returns:
        The pairs in order of their first label.

    Raises:
        DataError: a label whose completions belong to two prompts.
    """
    last: dict[tuple[str, str], Label] = {(label.pair_id, label.annotator): label for label in labels}
    votes: dict[str, Counter[str]] = {}
    first: dict[str, Label] = {}
    for label in labels:
        first.setdefault(label.pair_id, label)
    for (pair, _), label in last.items():
        votes.setdefault(pair, Counter())[label.verdict] += 1
    pairs, known = _rows(list(first.values()), prepared, within)
    verdicts = np.array([_majority(votes[pair]) for pair in first], dtype=np.int8)
    if not known.all():
        log.warning(
            "%d labelled pairs are not in the pool of the prepared data and are left out; the log keeps them",
            int((~known).sum()),
        )
    return Labelled(pairs.take(known), verdicts[known])


def campaign_labels(labels: list[Label], problem: Problem) -> Labelled:
    """The campaign's labelled pairs: those of its pool, as in `resolve_labels`."""
    return resolve_labels(labels, problem.prepared, problem.prepared.completions_of("pool"))


def _majority(votes: Counter[str]) -> int:
    return A if votes["a"] > votes["b"] else B if votes["b"] > votes["a"] else TIE


def _rows(labels: list[Label], prepared: Prepared, within: slice) -> tuple[Pairs, np.ndarray]:
    pool = prepared.completion_ids[within]

    def rows(ids: list[str]) -> np.ndarray:
        found = pc.index_in(pa.array(ids, pa.string()), pool)
        places = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        return np.where(places >= 0, places + within.start, -1)

    a, b = rows([label.completion_a for label in labels]), rows([label.completion_b for label in labels])
    known = (a >= 0) & (b >= 0)
    prompts = prepared.completion_prompt
    mixed = np.flatnonzero(known & (prompts[np.maximum(a, 0)] != prompts[np.maximum(b, 0)]))
    if mixed.size:
        raise DataError(
            f"label of pair {labels[mixed[0]].pair_id}: its completions belong to two prompts; expected two "
            f"completions of prompt {labels[mixed[0]].prompt_id} ({mixed.size} such labels)"
        )
    return Pairs(a, b, prepared.completion_prompt[np.maximum(a, 0)]), known
