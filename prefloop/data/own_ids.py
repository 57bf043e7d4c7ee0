"""Ids that the user's rows came with: kept as bytes while rows are read, then numbered in alphabetical order."""

from __future__ import annotations

from array import array

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


class OwnIds:
    """Ids as they come, a million of them in as many bytes as they have characters."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._ends = array("q", [0])

    def add(self, own_id: str) -> int:
        """Keep one id and return its place; what is no Unicode text (half a surrogate pair) becomes `?`."""
        self._bytes += own_id.encode("utf-8", "replace")
        self._ends.append(len(self._bytes))
        return len(self._ends) - 2

    def sorted(self) -> tuple[np.ndarray, pa.Array]:
        """Number the ids without regard to the order in which they came.

        Returns:
            The number of the id at each place, int64 [n]; the distinct ids in alphabetical order (by code point),
            large Arrow strings.
        """
        ends = pa.py_buffer(np.frombuffer(self._ends, dtype=np.int64))
        came = pa.LargeStringArray.from_buffers(len(self._ends) - 1, ends, pa.py_buffer(self._bytes))
        encoded = came.dictionary_encode()
        order = pc.sort_indices(encoded.dictionary)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order.to_numpy()] = np.arange(len(order))
        return rank[encoded.indices.to_numpy()], encoded.dictionary.take(order)


def lists_of(numbered: np.ndarray, ids: pa.Array, part: slice) -> pa.Array:
    """The ids of some rows, one list of Arrow strings a row.

    Args:
        numbered: int64 [m, 2], row and number of each id that a row has, in the order of both.
        ids: by number.
        part: the rows that are wanted.
    """
    bounds = np.searchsorted(numbered[:, 0], np.arange(part.start, part.stop + 1))
    values = ids.take(pa.array(numbered[bounds[0] : bounds[-1], 1])).cast(pa.string())
    return pa.ListArray.from_arrays(pa.array((bounds - bounds[0]).astype(np.int32)), values)
