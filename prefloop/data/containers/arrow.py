"""Parquet and Arrow files (IPC files and streams, as Feather and `datasets` write them)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import pyarrow.parquet as pq

from prefloop.data.containers.lines import Numbered
from prefloop.errors import DataError
from prefloop.io.strict import StrictError, plain

Pick = Callable[[Sequence[str]], list[str]]

_ROWS = 4096
_DAMAGED = (pa.ArrowException, OSError, UnicodeError, ValueError, OverflowError, TypeError)


def read_parquet(path: Path, pick: Pick) -> Iterator[Numbered]:
    """Rows of a Parquet file; of its columns only the picked ones are read."""
    return _rows(path, _parquet_batches(path, pick), "Parquet")


def read_arrow(path: Path, pick: Pick) -> Iterator[Numbered]:
    """Rows of an Arrow IPC file or stream."""
    return _rows(path, _arrow_batches(path, pick), "Arrow")


def _parquet_batches(path: Path, pick: Pick) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path) as file:
        names = _picked(path, file.schema_arrow.names, pick)
        yield from file.iter_batches(_ROWS, columns=names)


def _arrow_batches(path: Path, pick: Pick) -> Iterator[pa.RecordBatch]:
    with pa.memory_map(str(path)) as source:
        is_file = source.read(6) == b"ARROW1"
        source.seek(0)
        if is_file:
            file = ipc.open_file(source)
            batches = (file.get_batch(number) for number in range(file.num_record_batches))
            names = _picked(path, file.schema.names, pick)
        else:
            stream = ipc.open_stream(source)
            batches, names = iter(stream), _picked(path, stream.schema.names, pick)
        for batch in batches:
            # What lies in the file is not trusted to be well-formed.
            batch.validate(full=True)
            for start in range(0, batch.num_rows, _ROWS):
                yield batch.slice(start, _ROWS).select(names)


def _picked(path: Path, names: Sequence[str], pick: Pick) -> list[str]:
    for name in names:
        if names.count(name) > 1:
            raise DataError(f"{path}: got the column {name!r} twice, expected each column once")
    return pick(names)


def _rows(path: Path, batches: Iterator[pa.RecordBatch], kind: str) -> Iterator[Numbered]:
    number = 0
    try:
        for batch in batches:
            for values in _batch_rows(path, number, batch):
                number += 1
                yield number, values
    except _DAMAGED as error:
        cause = " ".join(str(error).split())[:200]
        got = f"got a damaged or unknown {kind} file ({cause}), expected a whole one"
        yield number + 1, DataError(f"{path}: {got}")


def _batch_rows(path: Path, before: int, batch: pa.RecordBatch) -> Sequence[dict[str, Any] | DataError]:
    is_simple = all(_is_simple(field.type) for field in batch.schema)
    try:
        rows: list[dict[str, Any]] = batch.to_pylist(maps_as_pydicts="strict")
        return rows if is_simple else [{name: plain(item) for name, item in row.items()} for row in rows]
    except (*_DAMAGED, KeyError, RecursionError):
        # Some row cannot be said in Python: each on its own, so that the others are read.
        return [_one(path, before + k + 1, batch.slice(k, 1)) for k in range(batch.num_rows)]


def _one(path: Path, number: int, row: pa.RecordBatch) -> dict[str, Any] | DataError:
    values: dict[str, Any] = {}
    for name, column in zip(row.schema.names, row.columns, strict=True):
        try:
            values[name] = plain(column.to_pylist(maps_as_pydicts="strict")[0])
        except StrictError as error:
            return DataError.at(path, number, name, error.got, error.expected)
        except (*_DAMAGED, KeyError, RecursionError) as error:
            got = f"a {column.type} that cannot be read: {' '.join(str(error).split())[:80]}"
            return DataError.at(path, number, name, got, "a text, number or list")
    return values


def _is_simple(kind: pa.DataType) -> bool:
    """Whether a type's values are plain Python as they come."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return _is_simple(kind.value_type)
    if pa.types.is_struct(kind):
        return all(_is_simple(field.type) for field in kind)
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_integer,
            pa.types.is_floating,
            pa.types.is_boolean,
            pa.types.is_null,
        )
    )
