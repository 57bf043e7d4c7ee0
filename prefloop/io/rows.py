"""Rows of a large array in another order, without a copy of it."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np


class Vectors(Protocol):
    """What code that reads feature vectors needs of them: an array, or rows of one."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows and of columns."""

    @property
    def dtype(self) -> np.dtype:
        """Number format."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: Any) -> np.ndarray: ...


class Rows:
    """Rows of a memory-mapped array, read when they are asked for.

    Args:
        array: [n, D], memory-mapped or not.
        rows: int64 [m], row of `array` behind each row of this one.
    """

    def __init__(self, array: np.ndarray, rows: np.ndarray) -> None:
        self._array, self._rows = array, rows

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of rows and of columns."""
        return (len(self._rows), *self._array.shape[1:])

    @property
    def dtype(self) -> np.dtype:
        """Number format."""
        return self._array.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, rows: Any) -> np.ndarray:
        chosen: np.ndarray = self._array[self._rows[rows]]
        return chosen

    def part(self, rows: slice) -> Rows:
        """Some of these rows, still unread."""
        return Rows(self._array, self._rows[rows])
