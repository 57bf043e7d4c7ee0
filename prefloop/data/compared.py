"""Texts of compared completions, and what an export tells of them: the user's ids, models, sources and scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.errors import StateError
from prefloop.io.lookup import find_rows
from prefloop.labels.comparison import Comparison
from prefloop.messages.message import Turns


@dataclass(frozen=True)
class Compared:
    """The rows of the prepared tables that some pairs need, by id.

    Attributes:
        prompts: prompt, messages (JSON or None) and source of each prompt.
        completions: text, messages (JSON or None) and models (a list, sorted, perhaps empty) of each completion.
        scores: score of each completion that has one, as given.
        ids: what the user calls each pair, by pair_id.
    """

    prompts: dict[str, dict[str, Any]]
    completions: dict[str, dict[str, Any]]
    scores: dict[str, float]
    ids: dict[str, list[str]]


def read_compared(prepared: Path, pairs: pa.Table, scores: dict[str, float]) -> Compared:
    """Read what the rows of some pairs need from the prepared tables; no hidden answer is among them.

    Args:
        prepared: folder of the prepared tables.
        pairs: pair_id, prompt_id, chosen_id, rejected_id.
        scores: of completions, from `prefloop.oracle.answers.read_scores`.

    Raises:
        StateError: a table is missing or damaged, or does not have one of the ids.
    """
    completions = pa.concat_arrays([pc.unique(pairs[name]) for name in ("chosen_id", "rejected_id")])
    return Compared(
        _all(
            prepared / "prompts.parquet",
            "prompt_id",
            pc.unique(pairs["prompt_id"]),
            ["prompt", "messages", "source"],
        ),
        _all(prepared / "completions.parquet", "completion_id", completions, ["text", "messages", "models"]),
        scores,
        dict(zip(pairs["pair_id"].to_pylist(), own_ids(prepared, pairs), strict=True)),
    )


def own_ids(prepared: Path, pairs: pa.Table) -> list[list[str]]:
    """What the user calls each of some pairs: the ids of its rows, or its prompt's where it was formed here.

    Args:
        prepared: folder of the prepared tables.
        pairs: pair_id, prompt_id.

    Returns:
        [n] lists, sorted; empty where the data came without ids.

    Raises:
        StateError: a table is missing or damaged.
    """
    listed = _ids(prepared / "pairs.parquet", "pair_id", pairs["pair_id"])
    keys = list(zip(pairs["pair_id"].to_pylist(), pairs["prompt_id"].to_pylist(), strict=True))
    formed = pa.array([prompt for pair, prompt in keys if pair not in listed], pa.string())
    prompts = _ids(prepared / "prompts.parquet", "prompt_id", formed) if len(formed) else {}
    return [listed[pair] if pair in listed else prompts.get(prompt, []) for pair, prompt in keys]


def _ids(path: Path, key: str, wanted: pa.Array) -> dict[str, list[str]]:
    rows = find_rows(path, key, wanted, ["ids"])
    return dict(zip(rows[key].to_pylist(), rows["ids"].to_pylist(), strict=True))


def read_comparisons(prepared: Path, pairs: pa.Table) -> list[Comparison]:
    """The comparisons that some pairs are, with their texts.

    Args:
        prepared: folder of the prepared tables.
        pairs: prompt_id, completion_a, completion_b.

    Raises:
        StateError: a table is missing or damaged, or does not have one of the ids.
    """
    completions = pa.concat_arrays([pc.unique(pairs[name]) for name in ("completion_a", "completion_b")])
    prompts = _all(prepared / "prompts.parquet", "prompt_id", pc.unique(pairs["prompt_id"]), ["prompt"])
    texts = _all(prepared / "completions.parquet", "completion_id", completions, ["text"])
    columns = (pairs[name].to_pylist() for name in ("prompt_id", "completion_a", "completion_b"))
    return [
        Comparison(prompts[prompt]["prompt"], texts[a]["text"], texts[b]["text"])
        for prompt, a, b in zip(*columns, strict=True)
    ]


def read_turns(
    prepared: Path, prompts: pa.Array, completions: pa.Array
) -> tuple[dict[str, Turns], dict[str, Turns]]:
    """Some prompts and completions by id, with all their messages; nobody's name is among them.

    Raises:
        StateError: a table is missing or damaged, or does not have one of the ids.
    """
    asked = _all(prepared / "prompts.parquet", "prompt_id", prompts, ["prompt", "messages"])
    said = _all(prepared / "completions.parquet", "completion_id", completions, ["text", "messages"])
    return (
        {id_: Turns.load(row["prompt"], row["messages"]) for id_, row in asked.items()},
        {id_: Turns.load(row["text"], row["messages"]) for id_, row in said.items()},
    )


def _all(path: Path, key: str, ids: pa.Array, columns: list[str]) -> dict[str, dict[str, Any]]:
    rows = {
        row[key]: row for batch in find_rows(path, key, ids, columns).to_batches() for row in batch.to_pylist()
    }
    missing = len(pc.unique(ids)) - len(rows)
    if missing:
        raise StateError(
            f"{path} does not have {missing} of the ids that were labelled: give the folder of prepared "
            "tables which these labels belong to (--prepared)"
        )
    return rows
