"""Stage `prompts`: distinct prompts in a pool and a test split, and texts for the start model."""

from __future__ import annotations

import logging
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.data.spelling import question
from prefloop.data.texts import TextTable, hex_ids, sort_keys
from prefloop.dpo.config import Prompts
from prefloop.dpo.prompt_set import POOL, TEST, TRAIN
from prefloop.dpo.prompt_sources import PromptRow, read_prompts
from prefloop.errors import DataError
from prefloop.io.arrays import write_table
from prefloop.io.atomic import atomic_folder
from prefloop.io.hashing import prompt_id, text_id, unit_interval
from prefloop.io.json import write_json

log = logging.getLogger("prefloop")


def write_prompts(config: Prompts, folder: Path) -> dict[str, Any]:
    """Read the configured source and write prompts.parquet, texts.parquet and report.json.

    The order of the rows does not matter: the same set gives the same bytes. A text that stands with a
    test prompt is for tests, in whatever other rows it stands. On any error what stood in `folder`
    stays as it was.

    Args:
        config: section `prompts`.
        folder: gets the files, whole or not at all.

    Returns:
        The report: counts of rows, prompts and texts.

    Raises:
        ConfigError: no files.
        DataError: missing or malformed data, whole texts without `prefix_words`, or an empty split.
    """
    with atomic_folder(folder) as temporary:
        collected = _Collected(temporary)
        try:
            collected.add_all(read_prompts(config))
            report = _write(collected, config, temporary)
        finally:
            collected.close()
        write_json(temporary / "report.json", report)
    counts = report["prompts"], report["pool"], report["test"], report["texts"]
    log.info("prompts: %d prompts, %d in the pool and %d to test; texts: %s", *counts)
    return report


class _Collected:
    """Distinct prompts and texts, and which text stands with which prompt."""

    def __init__(self, folder: Path) -> None:
        self.prompts, self.texts = TextTable(folder), TextTable(folder)
        self.text, self.prompt = array("q"), array("q")
        # Id of each prompt's normal form: spellings of one prompt are on one side.
        self.normal: list[str] = []
        self.rows = 0

    def add_all(self, rows: Iterable[PromptRow]) -> None:
        for row in rows:
            self.rows += 1
            prompt = self.prompts.add(prompt_id(row.prompt.plain), row.prompt.plain, row.prompt.kept)
            if prompt == len(self.normal):
                self.normal.append(prompt_id(question(row.prompt)))
            if row.text is not None:
                self.text.append(self.texts.add(text_id("text", row.text), row.text))
                self.prompt.append(prompt)

    def close(self) -> None:
        self.prompts.close()
        self.texts.close()


def _write(data: _Collected, config: Prompts, folder: Path) -> dict[str, Any]:
    identities, standing = hex_ids(data.prompts.digests()), data.prompts.standing()
    chosen = np.flatnonzero(standing == np.arange(len(standing)))
    is_test = np.array([unit_interval(config.salt, identity) < config.test for identity in data.normal])
    held_out = np.zeros(len(data.texts), dtype=bool)
    text, prompt = np.array(data.text, dtype=np.int64), np.array(data.prompt, dtype=np.int64)
    held_out[text[is_test[prompt]]] = True
    # Where one text came with several lists of messages, one of them stands for it.
    is_test = is_test[chosen]
    _check(is_test, data.rows, config)
    rows = chosen[_order(data.prompts.digests()[chosen], is_test)]
    columns = {
        "prompt_id": identities.take(rows),
        "prompt": data.prompts.texts(rows),
        "messages": data.prompts.kept(rows),
    }
    write_table(folder / "prompts.parquet", _table(columns, np.sort(is_test), POOL))
    rows = _order(data.texts.digests(), held_out)
    write_table(folder / "texts.parquet", _table({"text": data.texts.texts(rows)}, held_out[rows], TRAIN))
    return {
        "source": config.source,
        "rows": data.rows,
        "prompts": len(is_test),
        "repeated_prompts": data.rows - len(is_test),
        "pool": int((~is_test).sum()),
        "test": int(is_test.sum()),
        "texts": {TRAIN: int((~held_out).sum()), TEST: int(held_out.sum())},
        "repeated_texts": len(text) - len(held_out),
    }


def _order(digests: np.ndarray, is_test: np.ndarray) -> np.ndarray:
    return np.lexsort((*sort_keys(digests), is_test))


def _table(columns: dict[str, pa.Array], is_test: np.ndarray, other: str) -> pa.Table:
    return pa.table({**columns, "split": pa.array([other, TEST]).take(pa.array(is_test.astype(np.int8)))})


def _check(is_test: np.ndarray, rows: int, config: Prompts) -> None:
    pool, test = int((~is_test).sum()), int(is_test.sum())
    if not pool or not test:
        raise DataError(
            f"{rows} rows hold {len(is_test)} distinct prompts: {pool} for the pool and {test} to test, expected "
            f"at least one of each: add prompts, or change prompts.test (now {config.test:g}) or prompts.salt"
        )
