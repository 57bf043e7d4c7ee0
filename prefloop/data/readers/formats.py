"""JSONL, JSONL.gz, Parquet and CSV as streams of rows; a problem is a value of the stream.

A reader yields (row number, fields) or (row number, DataError), so that a check can go on after a bad
row. After a problem of the whole file (truncated, not text, wrong columns) the stream ends.
"""

from __future__ import annotations

import csv
import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.errors import DataError

Numbered = tuple[int, dict[str, Any] | DataError]
Pick = Callable[[Sequence[str]], list[str]]

_BOM = b"\xef\xbb\xbf"
_LISTS = ("completions", "scores", "models")
_PARQUET_ROWS = 4096


def read_rows(path: Path, pick: Pick) -> Iterator[Numbered]:
    """Stream the rows of one file, in the format that its name says.

    Args:
        path: a .jsonl, .jsonl.gz, .parquet or .csv file.
        pick: chooses among all columns those that matter; asked by columnar formats only.

    Raises:
        DataError: the file is missing or its name has another ending.
    """
    if not path.is_file():
        raise DataError(f"{path} is no file: check data.files (or --data), relative to data.raw")
    reader = READERS.get(format_of(path) or "")
    if reader is None:
        raise DataError(f"{path}: got a file name ending in '{path.suffix}', expected {', '.join(READERS)}")
    return reader(path, pick)


def format_of(path: Path) -> str | None:
    """The known ending of a file's name, or None."""
    return next((ending for ending in READERS if path.name.lower().endswith(ending)), None)


def _jsonl(path: Path, pick: Pick) -> Iterator[Numbered]:
    number = 0
    opener = gzip.open if path.name.lower().endswith(".gz") else open
    try:
        with opener(path, "rb") as lines:
            for number, line in enumerate(lines, start=1):
                if number == 1:
                    line = line.removeprefix(_BOM)
                if not line.isspace():
                    yield number, _json_object(path, number, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        got = f"got a truncated or damaged gzip file ({error})"
        yield (
            number + 1,
            DataError(f"{path}, row {number + 1}: {got}, expected a whole one; fetch or write it again"),
        )


def _json_object(path: Path, number: int, line: bytes) -> dict[str, Any] | DataError:
    expected = "one JSON object a line"
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        try:
            value = _lenient(line)
        except UnicodeDecodeError as fault:
            return DataError.at(path, number, "(line)", line[fault.start : fault.start + 20], "text in UTF-8")
        except UnicodeEncodeError:
            return DataError.at(path, number, "(line)", line, "text without lone surrogates")
        except (ValueError, RecursionError):
            return DataError.at(path, number, "(line)", line.decode().strip(), f"{expected} ({error})")
    return value if isinstance(value, dict) else DataError.at(path, number, "(line)", value, expected)


def _lenient(line: bytes) -> Any:
    # NaN, Infinity and huge integers are no JSON but common; the check of the field that holds one says more.
    value = json.loads(line.decode("utf-8"))
    json.dumps(value, ensure_ascii=False).encode("utf-8")
    return value


def _parquet(path: Path, pick: Pick) -> Iterator[Numbered]:
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(_PARQUET_ROWS, columns=pick(file.schema_arrow.names)):
                for values in batch.to_pylist():
                    number += 1
                    yield number, values
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        message = " ".join(str(error).split())[:200]
        yield (
            number + 1,
            DataError(f"{path}: got a damaged or unknown Parquet file ({message}), expected a whole one"),
        )


def _csv(path: Path, pick: Pick) -> Iterator[Numbered]:
    number = 0
    csv.field_size_limit(1 << 30)
    try:
        with open(path, encoding="utf-8-sig", newline="") as text:
            reader = csv.reader(text, strict=True)
            header = next(reader, [])
            for number, cells in enumerate((cells for cells in reader if cells), start=1):
                yield number, _csv_fields(path, number, header, cells)
    except UnicodeDecodeError as fault:
        got = fault.object[fault.start : fault.start + 20]
        yield number + 1, DataError.at(path, number + 1, "(file)", got, "text in UTF-8")
    except csv.Error as error:
        yield number + 1, DataError.at(path, number + 1, "(row)", str(error), "cells in the form of RFC 4180")


def _csv_fields(path: Path, number: int, header: list[str], cells: list[str]) -> dict[str, Any] | DataError:
    if len(cells) != len(header):
        return DataError.at(path, number, "(row)", f"{len(cells)} cells", f"{len(header)}, as in the header")
    values: dict[str, Any] = dict(zip(header, cells, strict=True))
    for field in _LISTS:
        if cell := values.get(field):
            try:
                values[field] = json.loads(cell)
            except ValueError:
                return DataError.at(path, number, field, cell, "a JSON list in the cell")
        elif field in values:
            values[field] = None
    return values


READERS: dict[str, Callable[[Path, Pick], Iterator[Numbered]]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl,
    ".parquet": _parquet,
    ".csv": _csv,
}
