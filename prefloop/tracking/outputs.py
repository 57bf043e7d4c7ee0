"""Outputs as MLflow keeps them: their digest, and tables as one artifact a round."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.io.hashing import file_digest, text_id
from prefloop.tracking.run_logger import RunLogger


def outputs_digest(folder: Path, names: Iterable[str]) -> str:
    """Digest of a folder's files, missing ones included, and of the source that logs them."""
    files = [(name, folder / name) for name in names]
    return text_id(
        _own_source(), *(part for name, file in files if file.is_file() for part in (name, file_digest(file)))
    )


@cache
def _own_source() -> str:
    return text_id(*(file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))))


def log_by_round(
    run: RunLogger,
    folder: str,
    table: pa.Table,
    columns: Sequence[str] | None = None,
    at_most: int | None = None,
) -> None:
    """Keep a table's rows as artifacts, one a round, for instance `acquired/round_0003.csv`.

    Args:
        run: where to.
        folder: folder of the artifacts.
        table: with a column `round`.
        columns: what to keep, None = all.
        at_most: rows of each artifact, None = all.
    """
    for number in pc.unique(table["round"]).to_pylist():
        rows = table.filter(pc.equal(table["round"], number)).select(columns or table.column_names)
        run.log_table(f"{folder}/round_{number:04d}.csv", rows.slice(0, at_most))
