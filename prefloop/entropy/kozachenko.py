"""The paper's ablation: Kozachenko-Leonenko entropy from the acquired prompts alone."""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import digamma


class AcquiredEntropy:
    """h(x) = log(2 epsilon_A(x) + c) - psi(k) / d, with epsilon_A(x) the distance from node x to
    the k-th nearest acquired pair's prompt (multiplicity counts).

    With fewer than k acquired pairs k is their number; with none h = 0. Each pick costs O(n D):
    acquired points, unlike pool points, are on no fixed graph.

    Source: Melo et al. 2024, ablation of the entropy estimator; Kozachenko & Leonenko 1987.
    """

    def __init__(
        self, vectors: np.ndarray, acquired_nodes: np.ndarray, k: int, offset: float, dimension: float
    ) -> None:
        self._vectors = torch.from_numpy(np.array(vectors, dtype=np.float32))
        self._norms = self._vectors.double().square().sum(dim=1)
        self._k, self._offset, self._dimension = k, offset, dimension
        self._acquired = len(acquired_nodes)
        # The k smallest squared distances of every node so far, in no order, then padded by infinity.
        self._nearest = np.full((len(vectors), k), np.inf)
        nodes, counts = np.unique(acquired_nodes, return_counts=True)
        for node, count in zip(nodes, counts, strict=True):
            squared = self._squared_to(int(node))
            for _ in range(min(int(count), k)):
                self._insert(squared)
        self.values = np.zeros(len(vectors))
        self._refresh()

    def acquire(self, node: int) -> np.ndarray | slice:
        """Count one more pair at `node`; every node's value may change."""
        self._acquired += 1
        self._insert(self._squared_to(node))
        self._refresh()
        return slice(None)

    def _squared_to(self, node: int) -> np.ndarray:
        products = (self._vectors @ self._vectors[node]).double()
        squared: np.ndarray = (self._norms + self._norms[node] - 2 * products).clamp_(min=0).numpy()
        squared[node] = 0.0
        return squared

    def _insert(self, squared: np.ndarray) -> None:
        rows = np.arange(len(squared))
        farthest = self._nearest.argmax(axis=1)
        self._nearest[rows, farthest] = np.minimum(self._nearest[rows, farthest], squared)

    def _refresh(self) -> None:
        if not self._acquired:
            return
        k = min(self._k, self._acquired)
        kth = np.partition(self._nearest, k - 1, axis=1)[:, k - 1]
        self.values[:] = np.log(2 * np.sqrt(kth) + self._offset) - digamma(k) / self._dimension
