"""Store of vectors by content: whole batches are appended, nothing is ever changed."""

from __future__ import annotations

import logging
import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from prefloop.errors import StateError
from prefloop.io.lock import locked

log = logging.getLogger("prefloop")

KEY_BYTES = 16
_SCAN = 4096


class VectorCache:
    """Vectors by 16-byte key in one append-only file of fixed-size records.

    A record is the key, a CRC-32 of all the rest, the number of records that follow it in its batch,
    and the vector. So a batch that a kill cut short is recognised and dropped as a whole, and the next
    run computes it in the same company, which gives the same bits.
    """

    def __init__(self, path: Path, dim: int) -> None:
        self._path, self._dim = path, dim
        self._record = np.dtype(
            [("key", f"V{KEY_BYTES}"), ("crc", "<u4"), ("left", "<u4"), ("vector", "<f4", (dim,))]
        )
        self._rows: dict[bytes, int] = {}
        self._count = 0
        self._open()

    def __contains__(self, key: bytes) -> bool:
        return key in self._rows

    def append(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Append one batch.

        Args:
            keys: n keys of 16 bytes.
            vectors: float32 [n, D].
        """
        records = np.zeros(len(keys), self._record)
        records["key"] = np.frombuffer(b"".join(keys), records["key"].dtype)
        records["left"] = np.arange(len(keys))[::-1]
        records["vector"] = vectors
        records["crc"] = [_crc(record) for record in records]
        with open(self._path, "ab", buffering=0) as handle:
            view = memoryview(records.tobytes())
            while view:
                view = view[handle.write(view) :]
        self._rows.update((key, self._count + row) for row, key in enumerate(keys))
        self._count += len(keys)

    def blocks(self, keys: Sequence[bytes], size: int = _SCAN) -> Iterator[np.ndarray]:
        """Yield the vectors of `keys` in order, as float32 arrays of at most `size` rows.

        Raises:
            KeyError: a key that is not in the cache (a defect of the caller).
        """
        if keys:
            records = np.memmap(self._path, self._record, mode="r")
        for first in range(0, len(keys), size):
            rows = [self._rows[key] for key in keys[first : first + size]]
            yield records["vector"][rows]

    def _open(self) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        intact: list[tuple[bytes, int]] = []
        end, whole = 0, size // self._record.itemsize
        records = np.memmap(self._path, self._record, mode="r", shape=whole) if whole else ()
        for row, record in enumerate(records):
            if _crc(record) == record["crc"]:
                intact.append((record["key"].tobytes(), row))
                end = row + 1 if record["left"] == 0 else end
        del records
        self._rows = {key: row for key, row in intact if row < end}
        self._count = end
        if damaged := end - sum(row < end for _, row in intact):
            log.warning("%s: %d damaged vectors are left out and computed again", self._path, damaged)
        if size > end * self._record.itemsize:
            log.info("%s: an unfinished batch at its end is cut off", self._path)
            os.truncate(self._path, end * self._record.itemsize)


@contextmanager
def open_cache(folder: Path, dim: int) -> Iterator[VectorCache]:
    """Open the cache in `folder`, alone: another process waits, then gives up.

    Args:
        folder: one folder per model and settings; made if it is not there.
        dim: D.

    Raises:
        StateError: in use by another process, or not a folder that can be written.
    """
    path = folder / "vectors.bin"
    if folder.exists() and not folder.is_dir():
        raise StateError(f"{folder} is no folder: delete it and run the stage embed again")
    with locked(path):
        yield VectorCache(path, dim)


def _crc(record: np.void) -> int:
    data = record.tobytes()
    return zlib.crc32(data[KEY_BYTES + 4 :], zlib.crc32(data[:KEY_BYTES]))
