"""Distinct turns by id: ids in memory, texts and messages on disk until they are written in their final order."""

from __future__ import annotations

import hashlib
import mmap
import tempfile
from array import array
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_BUFFER = 1 << 20
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


class TextTable:
    """Texts, with the messages that some of them are, numbered in the order they come.

    Each id stands once, or once for each list of messages that came with its text: one of them is the id's
    (`standing`). A million prompts and two million answers are about a gigabyte of text: kept in one unnamed
    temporary file, which the operating system removes with the process, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        """Open an empty table.

        Args:
            folder: an existing folder on the disk that can hold all the texts.
        """
        self._rows: dict[bytes, int] = {}
        # The first row of the id of each row that came with other messages.
        self._first: dict[int, int] = {}
        # Of each row: where its text ends and where its messages do, and a hash of the messages, 0 without any.
        self._ends = array("q", [0])
        self._marks = array("q")
        self._file = tempfile.TemporaryFile(dir=folder, buffering=_BUFFER)  # noqa: SIM115

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, identity: str, text: str, kept: str | None = None) -> int:
        """Return the row of a text, a new one where its id was not seen before with these messages.

        Args:
            identity: made of the text.
            text: the plain form.
            kept: the messages as JSON, or None.
        """
        key = bytes.fromhex(identity)
        mark = 0 if kept is None else hash(kept)
        row = self._rows.setdefault(key, len(self._rows))
        if row < len(self._marks) and self._marks[row] != mark:
            first, key = row, hashlib.blake2b(key + (kept or "").encode("utf-8"), digest_size=16).digest()
            row = self._rows.setdefault(key, len(self._rows))
            self._first[row] = first
        if row == len(self._marks):
            self._marks.append(mark)
            for part in (text, kept or ""):
                self._ends.append(self._ends[-1] + (self._file.write(part.encode("utf-8")) if part else 0))
        return row

    def digests(self) -> np.ndarray:
        """The ids as bytes, uint8 [n, 16], by row."""
        digests = np.frombuffer(b"".join(self._rows), dtype=np.uint8).reshape(-1, 16)
        if self._first:
            digests = digests.copy()
            digests[list(self._first)] = digests[list(self._first.values())]
        return digests

    def standing(self) -> np.ndarray:
        """The row that stands for each row's id, int64 [n]: the row itself but where its id has several.

        Of several, the one without messages stands, else the one whose JSON is the smallest: whatever the order
        in which they came.
        """
        standing = np.arange(len(self._rows))
        members: dict[int, list[int]] = {}
        for row, first in self._first.items():
            members.setdefault(first, [first]).append(row)
        rows = [row for group in members.values() for row in group]
        kept = dict(zip(rows, self.kept(np.array(rows, dtype=np.int64)).to_pylist(), strict=True))
        for group in members.values():
            standing[group] = min(group, key=lambda row: kept[row] or "")
        return standing

    def texts(self, rows: np.ndarray) -> pa.Array:
        """The texts of some rows as Arrow strings, in the order asked for."""
        return self._parts(rows, 0)

    def kept(self, rows: np.ndarray) -> pa.Array:
        """The messages of some rows as JSON in Arrow strings, null where a text is all there is."""
        has_messages = np.frombuffer(self._marks, np.int64)[rows] != 0
        if not has_messages.any():
            return pa.nulls(len(rows), pa.string())
        return pc.if_else(pa.array(has_messages), self._parts(rows, 1), pa.scalar(None, pa.string()))

    def _parts(self, rows: np.ndarray, part: int) -> pa.Array:
        self._file.flush()
        if not self._ends[-1]:
            return pa.array([], pa.string())
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            ends = self._ends
            places = (2 * rows + part).tolist()
            return pa.array([data[ends[k] : ends[k + 1]] for k in places], pa.binary()).cast(pa.string())

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()


def hex_ids(digests: np.ndarray) -> pa.Array:
    """Hex digits of ids.

    Args:
        digests: uint8 [n, 16].

    Returns:
        [n] Arrow strings of 32 characters.
    """
    digits = np.empty((len(digests), 32), dtype=np.uint8)
    digits[:, 0::2] = _HEX[digests >> 4]
    digits[:, 1::2] = _HEX[digests & 15]
    offsets = np.arange(len(digests) + 1, dtype=np.int32) * 32
    return pa.StringArray.from_buffers(len(digests), pa.py_buffer(offsets), pa.py_buffer(digits))


def sort_keys(digests: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two integers per id whose order is that of its hex digits, the less significant first (for lexsort)."""
    halves = np.ascontiguousarray(digests).view(">u8").astype(np.uint64)
    return halves[:, 1], halves[:, 0]
