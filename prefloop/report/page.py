"""A report's page and folder: pieces of Markdown, and all of it written whole or not at all."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.errors import shown
from prefloop.io.atomic import atomic_folder, write_bytes, write_text
from prefloop.io.json import write_json
from prefloop.report.tables import to_csv

# What of a name Markdown would take for its own: code, emphasis, a link or a picture, the border of a cell.
_MARKS = re.compile(r"[\\`*\[\]|]")


def named(name: object) -> str:
    """A name of the user's (of a file, model, data set or judge) as it may stand in a page: text, nothing else."""
    return _MARKS.sub(r"\\\g<0>", shown(name))


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def picture(name: str, caption: str) -> str:
    """A picture that lies in `plots/`, with its caption below."""
    return f"![{caption}](plots/{name}.png)\n\n*{caption}*\n"


def write_folder(
    folder: Path,
    tables: Mapping[str, pa.Table],
    documents: Mapping[str, Any],
    page: str,
    pictures: Mapping[str, bytes],
) -> None:
    """Write tables as CSV, documents as JSON, the page as report.md, and pictures below plots/.

    Args:
        folder: what stands there is replaced.
        tables, documents: by name without ending.
        page: Markdown.
        pictures: content by file name.
    """
    with atomic_folder(folder) as new:
        (new / "plots").mkdir()
        for name, table in tables.items():
            write_bytes(new / f"{name}.csv", to_csv(table))
        for name, value in documents.items():
            write_json(new / f"{name}.json", value)
        write_text(new / "report.md", page)
        for name, content in pictures.items():
            write_bytes(new / "plots" / name, content)
