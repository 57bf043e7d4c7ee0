"""Labels that stand in the data: the pool's votes, copied into a campaign's log once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config import Params
from prefloop.data.prepared import Prepared, load_prepared
from prefloop.errors import DataError
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog, News
from prefloop.labels.verdicts import WORDS, Word, turned
from prefloop.pool.problem import division_of

UNKNOWN = "data"
SOURCE = "data:"
COLUMNS = (
    *("pair_id", "prompt_id", "completion_a", "completion_b", "verdict", "annotator", "strength", "source"),
)


@dataclass(frozen=True)
class Imported:
    """What an import did.

    Attributes:
        labels: appended to the log.
        standing: votes that stood in the log, or whose annotator has judged the pair in the campaign since.
        outside: votes on pairs that are not in the campaign's pool.
    """

    labels: list[Label]
    standing: int
    outside: int


def import_votes(params: Params, layout: Layout) -> Imported:
    """Append the votes that the data have on the campaign's pool to its log, all or none; a second time, nothing.

    A label that stands in the log stays the last word of its annotator on its pair.

    Args:
        params: parameters in force (section `data`).
        layout: where prepared tables and log lie.

    Raises:
        DataError: the pool has no votes, or the log has a line that is no label.
        StateError: the tables are missing or damaged.
    """
    prepared = division_of(load_prepared(layout.prepared), params.data, None).prepared
    table = read_votes(layout.prepared)
    inside = in_pool(table, prepared)
    votes = table.filter(inside)
    if not len(votes):
        raise DataError(
            f"{layout.prepared}: none of its {len(table)} votes is on a pair of the pool; expected labels in the "
            "data, else begin with an empty log (dvc repro)"
        )
    labels = list(_labels(votes))
    fresh: list[Label] = []

    def give(news: News) -> list[Label]:
        fresh.extend(_fresh(labels, news.lines))
        return fresh

    LabelLog(layout.labels).answer(give)
    return Imported(fresh, len(labels) - len(fresh), len(table) - len(votes))


def read_votes(folder: Path) -> pa.Table:
    """The hidden votes of the prepared tables, one row a vote.

    Raises:
        StateError: the table is missing or damaged.
    """
    return read_table(folder / "votes.parquet", list(COLUMNS))


def in_pool(votes: pa.Table, prepared: Prepared) -> pa.ChunkedArray:
    """Which votes are on completions of a division's pool."""
    pool = prepared.completion_ids[prepared.completions_of("pool")]
    sides = (pc.is_in(votes[name], value_set=pool) for name in ("completion_a", "completion_b"))
    return pc.and_(*sides)


def _labels(votes: pa.Table) -> Iterator[Label]:
    """The votes as lines of a log, by pair and source; nameless ones are told apart by a number."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for place, group in groupby(sorted(map(_turned, _rows(votes)), key=_place), key=lambda row: _place(row)[:2]):
        number = 0
        for row in group:
            name = (row["annotator"] or "").strip()
            if not name:
                # Two votes of one annotator would count as one that was corrected.
                number += 1
                name = UNKNOWN if number == 1 else f"{UNKNOWN}-{number}"
            ids = {key: row[key] for key in COLUMNS[:4]}
            yield Label(
                **ids,
                annotator=name,
                verdict=row["verdict"],
                strength=row["strength"],
                timestamp=now,
                source=SOURCE + place[1],
            )


def _rows(votes: pa.Table) -> Iterator[dict[str, Any]]:
    for batch in votes.to_batches(max_chunksize=10_000):
        yield from batch.to_pylist()


def _turned(row: dict[str, Any]) -> dict[str, Any]:
    if row["completion_a"] < row["completion_b"]:
        return row
    word = WORDS[turned(WORDS.index(cast(Word, row["verdict"])))]
    return row | {"completion_a": row["completion_b"], "completion_b": row["completion_a"], "verdict": word}


def _place(row: dict[str, Any]) -> tuple[str, str, bool, str]:
    """Pair and source; then named votes as they stand in the data, and nameless ones in an order of their own."""
    nameless = not (row["annotator"] or "").strip()
    return row["pair_id"], row["source"] or UNKNOWN, nameless, row["verdict"] if nameless else ""


def _fresh(labels: list[Label], lines: pa.Table) -> list[Label]:
    """The labels that a log does not have, as often as it lacks them."""
    columns = ("pair_id", "annotator", "source", "verdict")
    told = lines.filter(pc.is_valid(lines["verdict"]))
    told = told.filter(pc.is_in(told["pair_id"], value_set=pa.array({one.pair_id for one in labels}, pa.string())))
    rows = list(zip(*(told[name].to_pylist() for name in columns), strict=True))
    there = Counter(row for row in rows if row[2].startswith(SOURCE))
    judged = {row[:2] for row in rows if not row[2].startswith(SOURCE)}
    fresh = []
    for label in labels:
        key = (label.pair_id, label.annotator, label.source, label.verdict)
        if there[key]:
            there[key] -= 1
        elif key[:2] not in judged:
            fresh.append(label)
    return fresh
