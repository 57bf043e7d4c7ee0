"""From records to the prepared tables: distinct pairs, fixed splits, hidden answers apart."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from prefloop.config.data import Leaks, Split
from prefloop.data.arrange import Arranged, arrange
from prefloop.data.collect import Collected, collect
from prefloop.data.division import divide
from prefloop.data.leaks import find_leaks
from prefloop.data.prepared import OOD, load_prepared
from prefloop.data.records import Record, Unread
from prefloop.data.report import report
from prefloop.data.splits import assign_splits
from prefloop.data.tables import write_tables, write_target
from prefloop.errors import DataError
from prefloop.io.atomic import atomic_folder
from prefloop.io.json import write_json
from prefloop.messages.message import Turns

log = logging.getLogger("prefloop")


def prepare(
    records: Iterable[Record | Unread],
    split: Split,
    folder: Path,
    leaks: Leaks,
    target: Iterable[Turns] = (),
    unread_files: Sequence[str] = (),
) -> dict[str, Any]:
    """Write the prepared tables and a report of everything dropped, merged and moved.

    The order of the records does not matter: the same set gives the same bytes. On any error what
    stood in `folder` stays as it was.

    Args:
        records: comparisons and K-response prompts, in any order and mixture; read once.
        split: how prompts are divided; the tables know no division, the report describes the campaign's.
        leaks: how the campaign's pool is searched for what its test holds.
        target: prompts that the model will meet, written as target.parquet.
        unread_files: files beside the data that hold no rows, for the report; left out of it where there are none.
        folder: gets prompts, completions, pairs, oracle, votes (.parquet) and report.json, whole or not at all.

    Returns:
        The report.

    Raises:
        DataError: a malformed record, or no pool, or a wanted split that stays empty.
    """
    with atomic_folder(folder) as temporary:
        data = collect(records, temporary)
        try:
            assigned = assign_splits(data)
            rows = arrange(data, assigned)
            _check_splits(data, rows)
            write_tables(data, rows, temporary)
        finally:
            data.close()
        write_target(list(target), temporary)
        stored = load_prepared(temporary)
        division = divide(stored, split, split.salt)
        summary = report(data, assigned, rows, stored, division)
        summary |= {"leaks": find_leaks(temporary, division, leaks)}
        if unread_files:
            summary |= {"unread_files": list(unread_files)}
        write_json(temporary / "report.json", summary)
    _log(summary)
    return summary


def _check_splits(data: Collected, rows: Arranged) -> None:
    if not len(rows.prompts):
        raise DataError(
            f"got {data.counts['rows']} rows, none of which leaves a prompt with two different answers; "
            "expected at least one"
        )
    wanted_ood = (data.pairs.split == OOD).any() or (data.mentions.split == OOD).any()
    if wanted_ood and not (rows.prompt_split == OOD).any():
        raise DataError("the ood split is empty: none of its prompts is absent from the other data")


def _log(summary: dict[str, Any]) -> None:
    for name, counts in summary["splits"].items():
        if counts["prompts"]:
            log.info("prepare: %s: %s", name, ", ".join(f"{count} {what}" for what, count in counts.items()))
    for group in ("unread", "dropped", "merged", "moved"):
        told = [f"{count} {what.replace('_', ' ')}" for what, count in summary[group].items() if count]
        if told:
            log.info("prepare: %s: %s", group, ", ".join(told))
