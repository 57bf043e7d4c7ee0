"""From records to the prepared tables: one split per prompt, distinct pairs, hidden answers apart."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.config.data import Split
from prefloop.data.arrange import Arranged, arrange
from prefloop.data.collect import Collected, collect
from prefloop.data.prepared import SPLITS
from prefloop.data.records import Record
from prefloop.data.report import report
from prefloop.data.splits import OOD, POOL, TEST, VAL, Assignment, assign_splits
from prefloop.data.tables import write_tables
from prefloop.errors import DataError
from prefloop.io.atomic import atomic_folder
from prefloop.io.documents import write_json

log = logging.getLogger("prefloop")


def prepare(records: Iterable[Record], split: Split, folder: Path) -> dict[str, Any]:
    """Write the prepared tables and a report of everything dropped, merged and moved.

    The order of the records does not matter: the same set gives the same bytes. On any error what
    stood in `folder` stays as it was.

    Args:
        records: comparisons and K-response prompts, in any order and mixture; read once.
        split: how prompts are divided.
        folder: gets prompts, completions, pairs, oracle (.parquet) and report.json, whole or not at all.

    Returns:
        The report.

    Raises:
        DataError: a malformed record, or no pool, or a wanted split that stays empty.
    """
    with atomic_folder(folder) as temporary:
        data = collect(records, temporary)
        try:
            assigned = assign_splits(data, split)
            rows = arrange(data, assigned)
            _check_splits(data, assigned, rows, split)
            write_tables(data, rows, temporary)
        finally:
            data.close()
        summary = report(data, assigned, rows)
        write_json(temporary / "report.json", summary)
    _log(summary)
    return summary


def _check_splits(data: Collected, assigned: Assignment, rows: Arranged, config: Split) -> None:
    counts = np.bincount(rows.prompt_split, minlength=len(SPLITS))
    if not len(rows.prompts):
        raise DataError(
            f"got {data.counts['rows']} rows, none of which leaves a prompt with two different answers; "
            "expected at least one"
        )
    held = f"the data hold {len(rows.prompts)} prompts: " + ", ".join(
        f"{name} {count}" for name, count in zip(SPLITS, counts.tolist(), strict=True)
    )
    if len(assigned.oversized):
        held += f" ({len(assigned.oversized)} in the pool for more than data.split.max_prompt_share of the pairs)"
    if not counts[POOL]:
        raise DataError(f"no prompt is left for the pool; {held}. Add data for the pool or lower data.split.test")
    for code, share in ((TEST, config.test), (VAL, config.val)):
        name = SPLITS[code]
        if share > 0 and not counts[code]:
            raise DataError(
                f"the {name} split is empty though data.split.{name} is {share:g}; {held}. Add prompts, raise "
                f"data.split.max_prompt_share, give a file with split {name}, or set data.split.{name} to 0"
            )
    wanted_ood = (data.pairs.split == OOD).any() or (data.mentions.split == OOD).any()
    if wanted_ood and not counts[OOD]:
        raise DataError(f"the ood split is empty: none of its prompts is absent from the other data; {held}")


def _log(summary: dict[str, Any]) -> None:
    for name, counts in summary["splits"].items():
        if counts["prompts"]:
            log.info("prepare: %s: %s", name, ", ".join(f"{count} {what}" for what, count in counts.items()))
    for group in ("dropped", "merged", "moved"):
        told = [f"{count} {what.replace('_', ' ')}" for what, count in summary[group].items() if count]
        if told:
            log.info("prepare: %s: %s", group, ", ".join(told))
