"""What every reader promises of any bytes: rows of plain values, or errors that name the file; nothing else."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.data.containers import read_rows
from prefloop.errors import DataError

ROWS: list[dict[str, Any]] = [
    {"prompt": f"Why {k}?", "completion_a": 'So: "yes".', "completion_b": "é\nno", "label": "a"} for k in range(3)
]


def _parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), sink)
    return sink.getvalue()


_LINES = b"".join(orjson.dumps(row) + b"\n" for row in ROWS)

SEEDS: dict[str, Callable[[], bytes]] = {
    "jsonl": lambda: _LINES,
    "list": lambda: orjson.dumps(ROWS, option=orjson.OPT_INDENT_2),
    "gzip": lambda: gzip.compress(_LINES, mtime=0),
    "csv": lambda: 'prompt;completions;label\r\n"a;b";"[1,""x""]";a\r\nq;[];b\r\n'.encode("utf-8-sig"),
    "utf16": lambda: "prompt\tlabel\nü\ta\n".encode("utf-16"),
    "parquet": _parquet,
}


def read_any(path: Path, content: bytes) -> int:
    """Read bytes as a file; the number of rows, good and bad.

    Raises:
        AssertionError: a row that is neither fields in plain Python nor an error that names the file.
    """
    path.write_bytes(content)
    rows = 0
    try:
        for _, values in read_rows(path, list):
            rows += 1
            if isinstance(values, DataError):
                assert str(path) in str(values)
            else:
                repr(values).encode("utf-8", "strict")
                assert all(isinstance(name, str) for name in values)
    except DataError as error:
        if str(path) not in str(error):
            raise AssertionError(f"no name in {error}") from error
    return rows
