"""JSON documents and JSONL logs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from io import RawIOBase
from pathlib import Path
from typing import Any

from prefloop.errors import DataError, StateError
from prefloop.io.atomic import write_text

_LONGEST_LINE = 1 << 20


def to_json(value: Any) -> str:
    """Serialise with sorted keys; NaN and infinity are refused (ValueError), floats round-trip."""
    return json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON with sorted keys, atomically."""
    write_text(path, json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False, indent=1) + "\n")


def read_json(path: Path) -> Any:
    """Read one JSON document.

    Raises:
        StateError: the file is missing or not JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StateError(f"{path} is missing: run the stage that writes it (dvc repro)") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StateError(f"{path} is damaged ({error}): delete it and run its stage again") from None


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, object) of a JSONL file; blank lines are passed over.

    Raises:
        StateError: the file is missing.
        DataError: a line is not a JSON object.
    """
    if not path.is_file():
        raise StateError(f"{path} is missing: restore it from version control, or run its stage (dvc repro)")
    with open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                value = json.loads(line)
            except UnicodeDecodeError:
                raise DataError.at(path, number, "(line)", line.strip(), "text in UTF-8") from None
            except (ValueError, RecursionError):
                raise DataError.at(path, number, "(line)", line.decode().strip(), "a JSON object") from None
            if not isinstance(value, dict):
                raise DataError.at(path, number, "(line)", value, "a JSON object")
            yield number, value


def append_jsonl(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Append objects as lines, all or none, synced; the caller holds the file's lock.

    A write that fails half-way (disk full) is taken back. A last line without its line end is
    ended first if it is whole (an editor's, say).

    Raises:
        DataError: the last line is half a line; it is left for a person to look at.
    """
    content = "".join(to_json(value) + "\n" for value in values).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+", buffering=0) as handle:
        size = _end_last_line(handle, path)
        try:
            written = 0
            while written < len(content):
                written += os.write(handle.fileno(), content[written:])
            os.fsync(handle.fileno())
        except OSError:
            os.ftruncate(handle.fileno(), size)
            raise


def _end_last_line(handle: RawIOBase, path: Path) -> int:
    """Bring the file's end to a line's end; return its size then."""
    size = handle.seek(0, os.SEEK_END)
    handle.seek(max(0, size - _LONGEST_LINE))
    tail = handle.read() or b""
    last = tail[tail.rfind(b"\n") + 1 :]
    if not last:
        return size
    try:
        json.loads(last)
    except ValueError:
        raise DataError.at(
            path, None, "(last line)", last[:80], "a whole JSON object; mend or delete it"
        ) from None
    os.write(handle.fileno(), b"\n")
    return size + 1
