"""The folder of a report: whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.io.atomic import atomic_folder, write_bytes, write_text
from prefloop.io.documents import write_json
from prefloop.report.tables import to_csv


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
