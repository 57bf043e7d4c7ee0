"""Labels of tiny campaigns: what people said of pairs of the fixed worlds, as the stage `labels` hands it on."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from prefloop.data.pairs import Pairs
from prefloop.io.hashing import pair_id
from prefloop.labels.aggregate import aggregate
from prefloop.labels.lines import SCHEMA
from prefloop.labels.log import Mark
from prefloop.labels.table import LabelTable
from prefloop.pool.problem import Problem
from tests.worlds import make_params

WORDS = {"a": "a", "b": "b", "t": "tie", "n": "both_bad", "s": "skip"}


def ids_of(problem: Problem, pairs: Pairs) -> list[dict[str, str]]:
    """The four ids of each pair."""
    ids, prompts = problem.prepared.completion_ids.to_pylist(), problem.prepared.prompt_ids.to_pylist()
    named = ((ids[a], ids[b], prompts[q]) for a, b, q in zip(pairs.a, pairs.b, pairs.prompt, strict=True))
    return [
        {"pair_id": pair_id(a, b), "prompt_id": prompt, "completion_a": a, "completion_b": b}
        for a, b, prompt in named
    ]


def said(problem: Problem, pairs: Pairs, by_person: Mapping[str, str], purpose: str | None = None) -> LabelTable:
    """What people said of the first pairs, a letter of WORDS for each; a dot where somebody was not asked.

    The first name had the pairs in round 0; names that begin with "data" are no annotators of the campaign.
    """
    rows = ids_of(problem, pairs)
    lines = [
        {**row, "annotator": who, "verdict": WORDS[word], "round": 0, "source": "human", "purpose": purpose}
        for who, words in by_person.items()
        for row, word in zip(rows, words, strict=False)
        if word != "."
    ]
    table = pa.Table.from_pylist(lines, SCHEMA)
    people = len([who for who in by_person if not who.startswith("data")])
    config = make_params().labels
    last_round = 0 if lines else -1
    return LabelTable(
        aggregate(table, config), len(lines), last_round, annotators=people, mark=Mark(), config=config
    )
