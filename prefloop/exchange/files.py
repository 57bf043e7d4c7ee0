"""Tables as one Parquet or JSONL file, written a part at a time."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.errors import ConfigError
from prefloop.io.atomic import atomic_path

Parts = Iterable[pa.Table]


def _parquet(path: Path, schema: pa.Schema, parts: Parts) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for part in parts:
            writer.write_table(part)


def _jsonl(path: Path, schema: pa.Schema, parts: Parts) -> None:
    with open(path, "wb") as file:
        _write_lines(file, parts)


def _jsonl_gz(path: Path, schema: pa.Schema, parts: Parts) -> None:
    # Neither name nor time in the header: the same rows give the same bytes.
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        _write_lines(file, parts)


def _write_lines(file: IO[bytes] | gzip.GzipFile, parts: Parts) -> None:
    for part in parts:
        for row in part.to_pylist():
            file.write(json.dumps(row, ensure_ascii=False, allow_nan=False).encode("utf-8") + b"\n")


WRITERS: dict[str, Callable[[Path, pa.Schema, Parts], None]] = {
    ".parquet": _parquet,
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl_gz,
}


def check_ending(path: Path) -> str:
    """The ending of a file's name, a key of `WRITERS`.

    Raises:
        ConfigError: another ending, or a folder of that name.
    """
    if path.is_dir():
        raise ConfigError(f"--out: {path} is a folder, expected the name of a file to write")
    ending = next((ending for ending in WRITERS if path.name.endswith(ending)), None)
    if ending is None:
        raise ConfigError(f"--out: got {path}, expected a file name that ends in {', '.join(WRITERS)}")
    return ending


def write_parts(path: Path, schema: pa.Schema, parts: Parts) -> None:
    """Write consecutive parts of a table in the format that the ending names, atomically.

    Args:
        path: the file; its folder is made.
        schema: of every part.
        parts: the rows, in order.

    Raises:
        ConfigError: an unknown ending.
    """
    write = WRITERS[check_ending(path)]
    with atomic_path(path) as temporary:
        write(temporary, schema, parts)
