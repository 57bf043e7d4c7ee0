"""Label files out: the comparisons that wait, in a format that people or tools take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.campaign.issued import read_issued
from prefloop.config import Params
from prefloop.errors import ConfigError, NothingLeft, StateError
from prefloop.exchange.label_files.formats import ENDINGS, Format
from prefloop.exchange.label_files.questions import Question, once, read_questions, waiting
from prefloop.exchange.label_files.tables import write_csv, write_jsonl, write_xlsx
from prefloop.exchange.label_files.tools import configuration, write_potato, write_studio
from prefloop.io.arrays import read_table
from prefloop.io.hashing import file_digest
from prefloop.io.layout import Layout
from prefloop.labels.log import LabelLog


def check_out(path: Path, form: Format) -> None:
    """Refuse a name that the format's readers would not take for theirs.

    Raises:
        ConfigError: another ending, or a folder of that name.
    """
    if path.is_dir():
        raise ConfigError(f"--out: {path} is a folder, expected the name of a file to write")
    if path.suffix != ENDINGS[form]:
        raise ConfigError(f"--out: got {path}, expected a file name that ends in {ENDINGS[form]} for {form.value}")


def guidelines_digest(params: Params, beside: Path) -> str | None:
    """Digest of the instructions that annotators have, as the log records it; None where there are none.

    Args:
        params: parameters in force.
        beside: the parameter file, which the path of the instructions starts from.

    Raises:
        ConfigError: the file of instructions is missing.
    """
    if params.page.guidelines is None:
        return None
    path = beside.parent / params.page.guidelines
    if not path.is_file():
        raise ConfigError(
            f"page.guidelines: {path} is missing; expected a file of instructions in Markdown, or null"
        )
    return file_digest(path)


def export_questions(
    params: Params, layout: Layout, out: Path, form: Format, *, everything: bool, guidelines: str | None
) -> dict[str, Any]:
    """Write comparisons that are to be labelled elsewhere.

    Args:
        params: parameters in force (`campaign.seed` for the order of the sides, section `page`).
        layout: where batch, prepared tables and log lie.
        out: the file, whole or not at all.
        form: its format.
        everything: every comparison that was ever chosen, not only those that wait.
        guidelines: see `guidelines_digest`.

    Returns:
        out, format, pairs, and the files that were written.

    Raises:
        ConfigError: an ending that does not fit, a text that is longer than a cell may be.
        NothingLeft: no comparison waits.
        StateError: a table is missing or damaged.
    """
    check_out(out, form)
    questions = read_questions(layout.prepared, _chosen(layout, everything), params.campaign.seed)
    files = [out, *_write(out, form, questions, guidelines, params)]
    return {"out": str(out), "format": form.value, "pairs": len(questions), "files": [str(file) for file in files]}


def _chosen(layout: Layout, everything: bool) -> pa.Table:
    if everything:
        issued = read_issued(layout.issued)
        if issued is None:
            raise StateError(f"{layout.issued} is missing: run dvc repro, which records what it chooses there")
        return once(issued)
    batch = waiting(read_table(layout.batch), LabelLog(layout.labels).read_on().lines)
    if not len(batch):
        raise NothingLeft(f"{layout.batch} has no comparison that waits: run dvc repro for the next batch")
    return batch


def _write(
    out: Path, form: Format, questions: list[Question], guidelines: str | None, params: Params
) -> list[Path]:
    page = params.page
    if form is Format.labelstudio:
        write_studio(out, questions, guidelines, page)
        return [configuration(out, ".xml")]
    if form is Format.potato:
        write_potato(out, questions, guidelines, page)
        return [configuration(out, ".yaml")]
    writers = {Format.csv: write_csv, Format.xlsx: write_xlsx, Format.jsonl: write_jsonl}
    writers[form](out, questions, guidelines, ("left", "right", *page.verdicts))
    return []
