"""JSON documents and JSONL logs."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import FileIO
from itertools import count
from pathlib import Path
from typing import Any

from prefloop.errors import DataError, StateError
from prefloop.io.atomic import write_text
from prefloop.io.strict import StrictError, parse

log = logging.getLogger("prefloop")

_BLOCK = 1 << 16


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
                value = parse(line, "a JSON object")
            except StrictError as error:
                raise DataError.at(path, number, "(line)", error.got, error.expected) from None
            if not isinstance(value, dict):
                raise DataError.at(path, number, "(line)", value, "a JSON object")
            yield number, value


def append_jsonl(path: Path, values: Iterable[dict[str, Any]]) -> None:
    """Append objects as lines, all or none, synced; the caller holds the file's lock.

    Nothing but the file's end is read. A write that fails half-way (disk full) is taken back; what an earlier
    process left unfinished is dealt with as by `end_last_line`.
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


def end_last_line(path: Path) -> int:
    """Bring a JSONL file's end to a line's end, and return its size in bytes then; the caller holds its lock.

    A last line that is a whole JSON object gets its missing line end (an editor's, say). Half a line, which a
    process left that was killed while it wrote, is moved into a file `NAME.torn-N` beside it, with a warning.
    """
    with open(path, "rb", buffering=0) as log:
        size = log.seek(0, os.SEEK_END)
        if not _unended(log, size):  # so that a log which nobody may write can be read
            return size
    with open(path, "ab+", buffering=0) as handle:
        return _end_last_line(handle, path)


def _end_last_line(handle: FileIO, path: Path) -> int:
    size = handle.seek(0, os.SEEK_END)
    last = _unended(handle, size)
    if not last:
        return size
    try:
        is_whole = isinstance(json.loads(last), dict)
    except (ValueError, RecursionError):
        is_whole = False
    if is_whole:
        os.write(handle.fileno(), b"\n")
        return size + 1
    aside = _set_aside(path, last)
    os.ftruncate(handle.fileno(), size - len(last))
    os.fsync(handle.fileno())
    log.warning(
        "%s: its last line was never finished (%d bytes, %.60r): it is set aside in %s, all other lines are kept",
        *(path, len(last), last, aside),
    )
    return size - len(last)


def _unended(handle: FileIO, size: int) -> bytes:
    """What stands behind the last line end."""
    tail = b""
    while len(tail) < size and b"\n" not in tail:
        # One byte tells that a file ends with a line; only then is more read, a block at a time.
        start = max(0, size - (len(tail) + _BLOCK if tail else 1))
        handle.seek(start)
        tail = (handle.read(size - start - len(tail)) or b"") + tail
    return tail[tail.rfind(b"\n") + 1 :]


def _set_aside(path: Path, content: bytes) -> Path:
    for number in count(1):
        aside = path.with_name(f"{path.name}.torn-{number}")
        with suppress(FileExistsError), open(aside, "xb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
            return aside
    raise AssertionError("numbers do not end")
