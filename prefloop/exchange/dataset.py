"""Preference data set in one file, from labelled pairs."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.compared import Compared, read_compared
from prefloop.exchange.acquired import Acquired
from prefloop.exchange.details import LABEL
from prefloop.exchange.files import check_ending, write_parts
from prefloop.exchange.form import Form
from prefloop.exchange.table import preference_table, schema_of
from prefloop.messages.message import Turns
from prefloop.oracle.answers import read_scores

log = logging.getLogger("prefloop")

# Rows that are Python objects at one time.
_ROWS = 1024


def write_preferences(
    acquired: Acquired, prepared: Path, out: Path, form: Form, *, with_ties: bool = False
) -> dict[str, int]:
    """Write the decided pairs to one file, in order of acquisition, whole or not at all.

    Args:
        acquired: what was labelled.
        prepared: folder of the prepared tables.
        out: the file, .parquet, .jsonl or .jsonl.gz.
        form: how prompt, chosen and rejected are written.
        with_ties: write pairs without a winner too, on which people have said a tie, that both are bad, or as
            often one thing as the other; a column `label` tells them apart. It needs `acquired.details`.

    Returns:
        labels (considered), rows (written), undecided and absent (left out), prompts (distinct),
        multi_turn (rows whose prompt has several messages), scored (rows with both scores),
        against_scores (of these, rows whose chosen answer has the lower one).

    Raises:
        ConfigError: a file name with another ending.
        LabelsMissing: no pair has a winner.
        StateError: prepared tables that are missing, damaged or do not belong to these pairs.
    """
    check_ending(out)
    details = acquired.details
    pairs = acquired.rows(with_ties=with_ties)
    scores = read_scores(prepared, pa.chunked_array([*pairs["chosen_id"].chunks, *pairs["rejected_id"].chunks]))
    compared = read_compared(prepared, pairs, scores)
    slices = (pairs.slice(start, _ROWS) for start in range(0, len(pairs), _ROWS))
    more = [*(() if details is None else details.schema), *([LABEL] if "label" in pairs.column_names else [])]
    schema = schema_of(form, compared, pa.schema(more))
    write_parts(out, schema, (preference_table(part, compared, form, schema, details) for part in slices))
    counts = {"labels": len(acquired.pairs), "rows": len(pairs), "undecided": len(acquired.pairs) - len(pairs)}
    if "label" in pairs.column_names:
        counts["ties"] = pc.sum(pc.not_equal(pairs["label"], "preferred")).as_py() or 0
    if counts["undecided"]:
        log.info("left out: %d labels without a winner (tie, both_bad, skip, no majority)", counts["undecided"])
    return {**counts, "absent": acquired.absent, **_counts(pairs, compared)}


def _counts(pairs: pa.Table, compared: Compared) -> dict[str, int]:
    columns: dict[str, list[Any]] = pairs.to_pydict()
    sides = zip(columns["chosen_id"], columns["rejected_id"], strict=True)
    scores = compared.scores
    scored = [(scores[winner], scores[loser]) for winner, loser in sides if winner in scores and loser in scores]
    turns = {
        id_: len(Turns.load(row["prompt"], row["messages"]).as_prompt()) for id_, row in compared.prompts.items()
    }
    return {
        "prompts": len(turns),
        "multi_turn": sum(turns[id_] > 1 for id_ in columns["prompt_id"]),
        "scored": len(scored),
        "against_scores": sum(winner < loser for winner, loser in scored),
    }
