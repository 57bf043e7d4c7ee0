"""Prompt entropy as BAL-PM's public code takes it: pairs as points, what is left of the pool, and its slip."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from prefloop.neighbours.balls import Balls


class PoolEntropy:
    """h(x) = log(2 epsilon(x) + c) - psi(n(x) + 1) / d of every node x that has a pair left.

    Every pair that is left is a point with its prompt's vector. epsilon(x) is the distance to the k-th
    nearest of these points, x itself counted; it is computed once a round, when this object is made.
    n(x) counts the acquired points in the closed ball of that radius around x. With the slip, points of
    the pool stand at x - shift and earlier labels at x, so that n rarely counts those; picks of the
    batch are points of the pool, and count. Nodes without a pair left have the value 0.

    A round starts with O(n^2 D) for the radii and O(A n D) for the counts, n nodes with pairs left and
    A of the acquired; a pick costs O(n D). Memory is O(n D).

    Source: the public code of Melo et al. 2024 (arXiv 2406.10023), not its text: see docs/maths.md.
    """

    def __init__(
        self,
        vectors: np.ndarray,
        left_nodes: np.ndarray,
        acquired_nodes: np.ndarray,
        k: int,
        offset: float,
        dimension: float,
        slip: bool,
    ) -> None:
        """Measure what is left of the pool.

        Args:
            vectors: float32 [n_all, D], distinct vectors.
            left_nodes: int [N], node of every pair that is left; N >= 1.
            acquired_nodes: int [A], node of every acquired pair.
            k: neighbours, the point itself included; with fewer points left, their number.
            offset: c > 0.
            dimension: d > 0.
            slip: whether points of the pool are shifted.
        """
        self._dimension = dimension
        self._left, multiplicity = np.unique(left_nodes, return_counts=True)
        self._vectors = np.asarray(vectors)[self._left]
        radius = pair_radii(self._vectors, multiplicity, k)
        self._balls = Balls(self._vectors, radius)
        self._base = np.log(2.0 * radius.astype(np.float64) + offset)
        shift = slip_shift(self._vectors, multiplicity) if slip else np.zeros(self._vectors.shape[1])
        self.counts = self._earlier(np.asarray(vectors), acquired_nodes, shift)
        self.values = np.zeros(len(vectors))
        self._refresh(np.arange(len(self._left)))

    def acquire(self, node: int) -> np.ndarray | slice:
        """Count one more pair at `node`; return the nodes whose ball holds it."""
        place = int(np.searchsorted(self._left, node))
        # The pick and the centres are shifted alike, so that the shift drops out.
        [(changed, _)] = self._balls.holding(self._vectors[place : place + 1])
        self.counts[changed] += 1
        self._refresh(changed)
        return self._left[changed]

    def _earlier(self, vectors: np.ndarray, acquired_nodes: np.ndarray, shift: np.ndarray) -> np.ndarray:
        nodes, weights = np.unique(acquired_nodes, return_counts=True)
        counts = np.zeros(len(self._left), dtype=np.int64)
        if not np.isfinite(shift).all():
            return counts
        # |(x - shift) - y| = |x - (y + shift)|.
        for ball, point in self._balls.holding(vectors[nodes] + shift):
            np.add.at(counts, ball, weights[point])
        return counts

    def _refresh(self, places: np.ndarray) -> None:
        psi = digamma(self.counts[places] + 1) / self._dimension
        self.values[self._left[places]] = self._base[places] - psi


def pair_radii(vectors: np.ndarray, multiplicity: np.ndarray, k: int) -> np.ndarray:
    """epsilon(x): distance to the k-th nearest point, x itself counted, float32 [n].

    Args:
        vectors: float32 [n, D], distinct.
        multiplicity: int [n] >= 1, how many points stand at each vector.
        k: with fewer points, their number.
    """
    # Here, because a library of policies must be importable without torch.
    import torch

    from prefloop.neighbours.exact import exact_lists

    nodes = np.arange(len(vectors))
    k = min(k, int(multiplicity.sum()))
    # A node has a point at least, so that the k-th nearest point stands at one of the k nearest nodes.
    neighbours, distance = exact_lists(vectors, nodes, min(k, len(vectors)), torch.device("cpu"))
    reached = np.cumsum(multiplicity[neighbours], axis=1) >= k
    return distance[nodes, reached.argmax(axis=1)]


def slip_shift(vectors: np.ndarray, multiplicity: np.ndarray) -> np.ndarray:
    """mean / deviation of each feature over the points, float64 [D]: what the code's (x - mean / std) subtracts.

    Without brackets around x - mean the division comes first: a shift, not a standardisation. A constant
    feature has deviation 0 and, as in the code, gives a shift that is not finite: no ball holds an earlier label.

    Args:
        vectors: float32 [n, D], distinct.
        multiplicity: int [n], how many points stand at each vector.
    """
    weights = multiplicity / multiplicity.sum()
    mean = weights @ vectors.astype(np.float64)
    variance = np.zeros(vectors.shape[1])
    for start in range(0, len(vectors), 4_096):
        rows = slice(start, start + 4_096)
        variance += weights[rows] @ (vectors[rows] - mean) ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        shift: np.ndarray = mean / np.sqrt(variance)
    return shift
