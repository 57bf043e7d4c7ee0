"""Append-only label log of the answers of people, judges and the simulated oracle."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import pyarrow as pa

from prefloop.io.hashing import bytes_digest
from prefloop.io.json import append_jsonl, end_last_line
from prefloop.io.lock import locked
from prefloop.labels.label import Label
from prefloop.labels.lines import NO_LINES, read_lines

_END = 4096


@dataclass(frozen=True)
class Mark:
    """How far a log was read.

    Attributes:
        size: bytes read.
        rows: lines read, blank ones included.
        end: digest of the last bytes before it: a log that was edited or restored has other ones there.
    """

    size: int = 0
    rows: int = 0
    end: str = ""

    @classmethod
    def at(cls, handle: BinaryIO, size: int, rows: int) -> Mark:
        """The mark behind `size` bytes and `rows` lines of an open log."""
        return cls(size, rows, _end(handle, size))

    def stands_in(self, handle: BinaryIO, size: int) -> bool:
        """Whether an open log of `size` bytes begins with what was read, as far as the last bytes tell."""
        return self.size <= size and (not self.size or _end(handle, self.size) == self.end)


def _end(handle: BinaryIO, size: int) -> str:
    start = max(0, size - _END)
    handle.seek(start)
    return bytes_digest(handle.read(size - start))


@dataclass(frozen=True)
class News:
    """What was read.

    Attributes:
        lines: a table of `prefloop.labels.lines.SCHEMA`.
        is_whole: whether it is the whole log, since what was read of it before no longer stands in it.
    """

    lines: pa.Table
    is_whole: bool


def size_of(path: Path) -> int | None:
    """Bytes of a log that stand for good, the last line ended; None where there is none.

    They are never changed, so that who reads no further needs no lock, and keeps nobody from writing.
    """
    if not path.exists():
        return None
    with locked(path):
        return _size(path)


def _size(path: Path) -> int | None:
    return end_last_line(path) if path.exists() else None


class LabelLog:
    """A label log as far as this process has read it; to append, nothing of it is read.

    Args:
        path: the log; may be missing until the first label.
        mark: read on from here; by default from the beginning.
    """

    def __init__(self, path: Path, mark: Mark | None = None) -> None:
        self._path, self._mark = path, mark or Mark()
        self._reading = Lock()

    @property
    def mark(self) -> Mark:
        """How far it was read."""
        return self._mark

    def append(self, labels: Iterable[Label]) -> None:
        """Append labels, all or none, synced, under the lock of all who write."""
        with locked(self._path):
            self._append(labels)

    def read_on(self) -> News:
        """The lines appended since the last time, by whomever.

        Nobody waits while they are parsed: what a log has been given is not changed, so that its size is enough.

        Raises:
            DataError: a line that is no label; nothing is skipped, since every line was paid for.
        """
        with self._reading:
            return self._read_to(size_of(self._path))

    def answer(self, give: Callable[[News], list[Label]]) -> list[Label]:
        """Read on and append what `give` makes of it, as one step for all other writers.

        Returns:
            The appended labels.

        Raises:
            DataError: as above.
        """
        with self._reading, locked(self._path):
            labels = give(self._read_on())
            self._append(labels)
        return labels

    def exchange(self, give: Callable[[News], list[Label]]) -> News:
        """As `answer`, and read what was appended, as one step for all other writers.

        Returns:
            The appended lines as they stand in the log.

        Raises:
            DataError: as above.
        """
        with self._reading, locked(self._path):
            labels = give(self._read_on())
            if not labels:
                return News(NO_LINES, False)
            self._append(labels)
            return self._read_on()

    def _append(self, labels: Iterable[Label]) -> None:
        append_jsonl(self._path, [label.model_dump(exclude_none=True) for label in labels])

    def _read_on(self) -> News:
        return self._read_to(_size(self._path))

    def _read_to(self, size: int | None) -> News:
        if size is None:
            before, self._mark = self._mark, Mark()
            return News(NO_LINES, before.size > 0)
        with open(self._path, "rb") as handle:
            is_whole = not self._mark.stands_in(handle, size)
            mark = Mark() if is_whole else self._mark
            handle.seek(mark.size)
            lines, rows = read_lines(handle, self._path, mark.rows, size)
            self._mark = Mark.at(handle, size, rows)
        return News(lines, is_whole)
