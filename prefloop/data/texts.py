"""Distinct texts by id: ids in memory, texts on disk until they are written in their final order."""

from __future__ import annotations

import mmap
import tempfile
from array import array
from pathlib import Path

import numpy as np
import pyarrow as pa

_BUFFER = 1 << 20
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


class TextTable:
    """Texts numbered in the order they come; each id stands once.

    A million prompts and two million answers are about a gigabyte of text: kept in one unnamed
    temporary file, which the operating system removes with the process, however that ends.
    """

    def __init__(self, folder: Path) -> None:
        """Open an empty table.

        Args:
            folder: an existing folder on the disk that can hold all the texts.
        """
        self._rows: dict[bytes, int] = {}
        self._ends = array("q", [0])
        self._file = tempfile.TemporaryFile(dir=folder, buffering=_BUFFER)  # noqa: SIM115

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, identity: str, text: str) -> int:
        """Return the row of a text, a new one where its id was not seen before."""
        key = bytes.fromhex(identity)
        row = self._rows.setdefault(key, len(self._rows))
        if row == len(self._ends) - 1:
            self._ends.append(self._ends[-1] + self._file.write(text.encode("utf-8")))
        return row

    def digests(self) -> np.ndarray:
        """The ids as bytes, uint8 [n, 16], by row."""
        return np.frombuffer(b"".join(self._rows), dtype=np.uint8).reshape(-1, 16)

    def texts(self, rows: np.ndarray) -> pa.Array:
        """The texts of some rows as Arrow strings, in the order asked for."""
        self._file.flush()
        if not self._ends[-1]:
            return pa.array([], pa.string())
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            ends = self._ends
            return pa.array([data[ends[row] : ends[row + 1]] for row in rows.tolist()], pa.binary()).cast(
                pa.string()
            )

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
