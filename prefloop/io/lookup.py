"""Rows of a large Parquet file by id, a batch at a time."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefloop.errors import StateError

_ROWS = 1 << 14


def find_rows(path: Path, key: str, ids: pa.Array, columns: list[str]) -> pa.Table:
    """Read the rows whose `key` is one of `ids`; never more than a batch of the others is in memory.

    Args:
        path: the file.
        key: name of the column of ids.
        ids: the wanted ids, strings; repeated ones count once.
        columns: further columns to read.

    Returns:
        `key` and `columns` in the order of the file; ids that the file does not have are not there.

    Raises:
        StateError: missing or damaged file, or one without these columns.
    """
    wanted = pc.unique(ids)
    try:
        # Buffering ahead would fetch the whole file at once.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            schema = pa.schema([file.schema_arrow.field(name) for name in (key, *columns)])
            batches = file.iter_batches(_ROWS, columns=schema.names)
            kept = [batch.filter(pc.is_in(batch[key], value_set=wanted)) for batch in batches]
    except FileNotFoundError:
        raise StateError(f"{path} is missing: run the stage that writes it (dvc repro)") from None
    except (pa.ArrowException, KeyError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        cause = " ".join(str(error).split())[:200]
        raise StateError(
            f"{path} is damaged ({cause}): delete it and run the stage that writes it again (dvc repro)"
        ) from None
    return pa.Table.from_batches([batch.select(schema.names) for batch in kept], schema)
