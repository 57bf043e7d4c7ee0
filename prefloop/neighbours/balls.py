"""Closed balls around points: which of them hold further points, whatever frame those stand in."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prefloop.neighbours.nodes import lengths

_BLOCK_CELLS = 1 << 22


class Balls:
    """Closed balls {y: |y - centre| <= radius}.

    Matrix products in float32 screen, the shared float64 kernel decides, so that a point at exactly
    the radius is inside. Memory is O(n * D): a copy of the centres, and blocks of 16 MiB.
    """

    def __init__(self, centres: np.ndarray, radius: np.ndarray) -> None:
        """Prepare n balls.

        Args:
            centres: float32 [n, D], n >= 1.
            radius: float32 [n], from the shared kernel.
        """
        self._centres, self._radius = centres, radius
        # Centring changes no distance and keeps the cancellation below small.
        self._origin = centres.mean(axis=0, dtype=np.float64)
        self._centred = (centres - self._origin).astype(np.float32)
        self._norms = np.einsum("ij,ij->i", self._centred, self._centred)

    def holding(self, points: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Find the balls that hold each point, some points at a time.

        Args:
            points: float [P, D], finite.

        Yields:
            ball int64 [E], point int64 [E]: every (ball, point) with the point inside, each once.
        """
        block = max(1, _BLOCK_CELLS // len(self._centres))
        for start in range(0, len(points), block):
            part = points[start : start + block].astype(np.float64)
            ball, point = self._near(part)
            inside = self._measured(part, ball, point) <= self._radius[ball]
            yield ball[inside], point[inside] + start

    def _near(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centred = (points - self._origin).astype(np.float32)
        norms = np.einsum("ij,ij->i", centred, centred)
        squared = self._norms[:, None] + norms - 2 * (self._centred @ centred.T)
        # Error of a float32 product of length D: D * 2^-24 of the terms' magnitude, on either side; and
        # a little for the rounding of what is multiplied.
        error = 4 * (centred.shape[1] + 8) * np.float32(2.0**-24) * (self._norms[:, None] + norms)
        ball, point = np.nonzero(squared <= self._radius[:, None] ** 2 + error)
        return ball, point

    def _measured(self, points: np.ndarray, ball: np.ndarray, point: np.ndarray) -> np.ndarray:
        block = max(1, _BLOCK_CELLS // points.shape[1])
        parts = [slice(start, start + block) for start in range(0, len(ball), block)]
        measured = [lengths(self._centres[ball[p]].astype(np.float64) - points[point[p]]) for p in parts]
        return np.concatenate([np.zeros(0, dtype=np.float32), *measured])
