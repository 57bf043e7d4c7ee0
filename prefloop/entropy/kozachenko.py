"""Kozachenko-Leonenko entropy from the acquired prompts alone: the paper's ablation."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

_ROWS, _POINTS = 8_192, 512


class AcquiredEntropy:
    """h(x) = log(2 epsilon_A(x) + c) - psi(k) / d, with epsilon_A(x) the distance from node x to
    the k-th nearest acquired pair's prompt (multiplicity counts).

    With fewer than k acquired pairs k is their number; with none h = 0. Acquired points, unlike pool
    points, are on no fixed graph: a round starts with O(A n D), and each pick costs O(n D).

    Source: Melo et al. 2024, ablation of the entropy estimator; Kozachenko & Leonenko 1987.
    """

    def __init__(
        self, vectors: np.ndarray, acquired_nodes: np.ndarray, k: int, offset: float, dimension: float
    ) -> None:
        self._vectors = np.asarray(vectors)
        self._k, self._offset, self._dimension = k, offset, dimension
        self._acquired = len(acquired_nodes)
        # The k smallest squared distances of every node so far, in no order, padded by infinity.
        self._nearest = np.full((len(vectors), k), np.inf)
        nodes, counts = np.unique(acquired_nodes, return_counts=True)
        # More than k pairs at one place are no nearer than k.
        repeated = np.repeat(nodes, np.minimum(counts, k))
        for start in range(0, len(repeated), _POINTS):
            self._insert(repeated[start : start + _POINTS])
        self.values = np.zeros(len(vectors))
        self._refresh()

    def acquire(self, node: int) -> np.ndarray | slice:
        """Count one more pair at `node`; every node's value may change."""
        self._acquired += 1
        self._insert(np.array([node]))
        self._refresh()
        return slice(None)

    def _insert(self, nodes: np.ndarray) -> None:
        # Products in float64: near-duplicates keep their distance to about 1e-8.
        points = self._vectors[nodes].astype(np.float64)
        of_points = np.einsum("ij,ij->i", points, points)
        for start in range(0, len(self._vectors), _ROWS):
            rows = slice(start, start + _ROWS)
            block = self._vectors[rows].astype(np.float64)
            squared = np.einsum("ij,ij->i", block, block)[:, None] + of_points - 2 * (block @ points.T)
            squared[nodes == np.arange(start, start + len(block))[:, None]] = 0.0
            merged = np.concatenate([self._nearest[rows], np.maximum(squared, 0.0)], axis=1)
            self._nearest[rows] = np.partition(merged, self._k - 1, axis=1)[:, : self._k]

    def _refresh(self) -> None:
        if not self._acquired:
            return
        k = min(self._k, self._acquired)
        kth = np.partition(self._nearest, k - 1, axis=1)[:, k - 1]
        self.values[:] = np.log(2 * np.sqrt(kth) + self._offset) - digamma(k) / self._dimension
