"""Arrays too large for memory: written block by block, with the digest of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from prefloop.errors import StateError


def write_blocks(path: Path, shape: tuple[int, ...], dtype: str, blocks: Iterable[np.ndarray]) -> str:
    """Write one `.npy` array from consecutive blocks of rows; the caller makes the write atomic.

    Plain writes rather than a writable memory map: a full disk is then an OSError, not a fatal signal.

    Args:
        path: the file to write; `prefloop.io.arrays.open_array` maps it into memory.
        shape: shape of the whole array.
        dtype: its number format, for instance `<f4`.
        blocks: arrays of that format, in order, that together have `shape`.

    Returns:
        BLAKE2b-128 of the array's content in C order.

    Raises:
        StateError: the blocks do not add up to `shape`.
    """
    digest = hashlib.blake2b(digest_size=16)
    wanted, written = np.dtype(dtype), 0
    with open(path, "wb") as handle:
        header = {"descr": wanted.str, "fortran_order": False, "shape": tuple(shape)}
        np.lib.format.write_array_header_1_0(handle, header)
        for block in blocks:
            data = np.ascontiguousarray(block, wanted).tobytes()
            digest.update(data)
            handle.write(data)
            written += block.shape[0]
    if written != shape[0]:
        raise StateError(f"{path} got {written} rows, expected {shape[0]}: run its stage again")
    return digest.hexdigest()
