"""Texts of the comparisons that are shown: rows of the prepared tables by id, found when first needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.errors import StateError
from prefloop.io.arrays import read_table
from prefloop.io.lookup import find_rows
from prefloop.messages.message import Message, Turns

_IDS = ("pair_id", "prompt_id", "completion_a", "completion_b")
# Rows that stay in memory, prompts and completions together; a few screens of text each.
_KEPT = 20_000


@dataclass(frozen=True)
class PairTexts:
    """What of a pair is shown.

    Attributes:
        prompt: messages of the prompt.
        completions: messages of each completion by its id.
        ids: the user's own ids of the pair, or of its prompt; empty where the data have none.
    """

    prompt: tuple[Message, ...]
    completions: Mapping[str, tuple[Message, ...]]
    ids: tuple[str, ...]


class TextsGone(StateError):
    """A pair whose texts the data do not have, or have no longer."""


class Texts:
    """The prepared tables by id; the last used rows stay in memory.

    Args:
        prepared: folder of the prepared tables.
        batch: the campaign's batch, whose texts are all found with the first of them.
        extra: prompts and completions that stand in none of them, by id: those of gold items.
    """

    def __init__(self, prepared: Path, batch: Path, extra: Mapping[str, Turns]) -> None:
        self._prepared, self._batch, self._extra = prepared, batch, extra
        self._rows: OrderedDict[tuple[str, str], dict[str, Any] | None] = OrderedDict()
        self._written: list[int] = []  # when the rows were looked for
        self._lock = Lock()

    def of(self, pair_id: str, prompt_id: str, completions: tuple[str, str]) -> PairTexts:
        """The texts of one pair.

        Raises:
            TextsGone: a table has no such row.
            StateError: a table is missing or damaged.
        """
        row = dict(zip(_IDS, ([pair_id], [prompt_id], *([one] for one in completions)), strict=True))
        with self._lock:
            self._forget_misses()
            if not self._has(pair_id, prompt_id, completions):
                batch = [read_table(self._batch, list(_IDS))] if self._batch.is_file() else []
                self._find(pa.concat_tables([*batch, pa.table(row)]))
            prompt, listed = self._row("prompts", prompt_id), self._row("pairs", pair_id)
            ids = (listed or {}).get("ids") or (prompt or {}).get("ids") or ()
            return PairTexts(
                self._turns("prompts", prompt_id, "prompt").as_prompt(),
                {one: self._turns("completions", one, "text").as_completion() for one in completions},
                tuple(ids),
            )

    def find(self, pairs: Sequence[Mapping[str, Any]]) -> None:
        """Find the texts of some pairs at once, by rows of their ids."""
        with self._lock:
            self._forget_misses()
            self._find(pa.table({name: pa.array([pair[name] for pair in pairs], pa.string()) for name in _IDS}))

    def prefetch(self) -> None:
        """Find the texts of the batch, so that nobody waits for them."""
        with self._lock:
            self._find(read_table(self._batch, list(_IDS)))

    def _forget_misses(self) -> None:
        """Look for rows again that were not there, once the tables were written anew."""
        paths = [self._prepared / f"{name}.parquet" for name in ("prompts", "completions")]
        written = [path.stat().st_mtime_ns for path in paths if path.is_file()]
        if written != self._written:
            self._written = written
            for key in [key for key, row in self._rows.items() if row is None]:
                del self._rows[key]

    def _has(self, pair_id: str, prompt_id: str, completions: tuple[str, str]) -> bool:
        """Whether a pair's rows are there; they are marked as used."""
        keys = [("pairs", pair_id), ("prompts", prompt_id), *(("completions", one) for one in completions)]
        keys = [key for key in keys if key[1] not in self._extra]
        for key in keys:
            if key in self._rows:
                self._rows.move_to_end(key)
        return all(key in self._rows for key in keys)

    def _find(self, pairs: pa.Table) -> None:
        completions = [*pairs["completion_a"].to_pylist(), *pairs["completion_b"].to_pylist()]
        self._load("prompts", "prompt_id", pairs["prompt_id"].to_pylist(), ["prompt", "messages"])
        self._load("completions", "completion_id", completions, ["text", "messages"])
        self._load("pairs", "pair_id", pairs["pair_id"].to_pylist(), [])
        while len(self._rows) > max(_KEPT, 4 * len(pairs)):
            self._rows.popitem(last=False)

    def _load(self, table: str, key: str, ids: Iterable[str], columns: list[str]) -> None:
        missing = sorted({one for one in ids if one not in self._extra and (table, one) not in self._rows})
        if not missing:
            return
        path = self._prepared / f"{table}.parquet"
        own = ["ids"] if table != "completions" and path.is_file() and "ids" in pq.read_schema(path).names else []
        # Where the data have no ids, a pair's row says nothing.
        if columns or own:
            rows = find_rows(path, key, pa.array(missing, pa.string()), columns + own).to_pylist()
            self._rows.update({(table, row[key]): row for row in rows})
        for one in missing:
            self._rows.setdefault((table, one), None)

    def _row(self, table: str, key: str) -> dict[str, Any] | None:
        return self._rows.get((table, key))

    def _turns(self, table: str, key: str, column: str) -> Turns:
        if key in self._extra:
            return self._extra[key]
        row = self._row(table, key)
        if row is None:
            raise TextsGone(
                f"{self._prepared / table}.parquet does not have {key}: its pair has left the data; run dvc repro"
            )
        return Turns.load(row[column], row["messages"])
