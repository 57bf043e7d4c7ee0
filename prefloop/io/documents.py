"""JSON documents and JSONL logs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from prefloop.errors import DataError, StateError
from prefloop.io.atomic import write_text


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
    """Append objects as lines in one synced write; the caller holds the file's lock.

    A last line without its line end (an editor's, say) is ended first, so that nothing runs together.
    """
    text = "".join(to_json(value) + "\n" for value in values)
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "ab+") as handle:
        if handle.tell() and _last_byte(handle) != b"\n":
            handle.write(b"\n")
        handle.write(text.encode("utf-8"))
        handle.flush()
        os.fsync(handle.fileno())


def _last_byte(handle: BinaryIO) -> bytes:
    handle.seek(-1, os.SEEK_END)
    return handle.read(1)
