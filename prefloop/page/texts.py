"""Texts of the comparisons that are shown: rows of the prepared tables by id, found when first needed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.errors import StateError
from prefloop.io.lookup import find_rows
from prefloop.messages.message import Message, Turns

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


class Texts:
    """The prepared tables by id; the last used rows stay in memory.

    Args:
        prepared: folder of the prepared tables.
        extra: prompts and completions that stand in none of them, by id: those of gold items.
    """

    def __init__(self, prepared: Path, extra: Mapping[str, Turns] | None = None) -> None:
        self._prepared, self._extra = prepared, extra or {}
        self._rows: OrderedDict[tuple[str, str], dict[str, Any] | None] = OrderedDict()
        self._lock = Lock()

    def of(self, pair_id: str, prompt_id: str, completions: tuple[str, str]) -> PairTexts:
        """The texts of one pair.

        Raises:
            StateError: a table is missing or damaged, or has no such row.
        """
        pair = {"pair_id": [pair_id], "prompt_id": [prompt_id]}
        pair |= {"completion_a": [completions[0]], "completion_b": [completions[1]]}
        with self._lock:
            self._find(pa.table(pair))
            prompt, listed = self._row("prompts", prompt_id), self._row("pairs", pair_id)
            ids = (listed or {}).get("ids") or (prompt or {}).get("ids") or ()
            return PairTexts(
                self._turns("prompts", prompt_id, "prompt").as_prompt(),
                {one: self._turns("completions", one, "text").as_completion() for one in completions},
                tuple(ids),
            )

    def prefetch(self, pairs: pa.Table) -> None:
        """Find the rows of many pairs at once, such as those of a batch.

        Args:
            pairs: pair_id, prompt_id, completion_a, completion_b.
        """
        with self._lock:
            self._find(pairs)

    def _find(self, pairs: pa.Table) -> None:
        completions = [*pairs["completion_a"].to_pylist(), *pairs["completion_b"].to_pylist()]
        self._load("prompts", "prompt_id", pairs["prompt_id"].to_pylist(), ["prompt", "messages"])
        self._load("completions", "completion_id", completions, ["text", "messages"])
        self._load("pairs", "pair_id", pairs["pair_id"].to_pylist(), [])
        while len(self._rows) > max(_KEPT, 8 * len(pairs)):
            self._rows.popitem(last=False)

    def _load(self, table: str, key: str, ids: Iterable[str], columns: list[str]) -> None:
        wanted = {one for one in ids if one not in self._extra}
        missing = []
        for one in wanted:
            if (table, one) in self._rows:
                self._rows.move_to_end((table, one))
            else:
                missing.append(one)
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
            raise StateError(
                f"{self._prepared / table}.parquet does not have {key}: the batch belongs to other data; "
                "run dvc repro"
            )
        return Turns.load(row[column], row["messages"])
