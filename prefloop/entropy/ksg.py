"""BAL-PM's prompt entropy as counting on a fixed neighbour graph (Melo et al. 2024)."""

from __future__ import annotations

import numpy as np
from scipy.special import digamma

from prefloop.neighbours.graph import NeighbourGraph


def acquired_counts(graph: NeighbourGraph, acquired_nodes: np.ndarray) -> np.ndarray:
    """n(x): acquired pairs, with multiplicity, whose prompt's node stands in L(x).

    Args:
        graph: neighbour lists of n nodes.
        acquired_nodes: int [A], node of every acquired pair.

    Returns:
        int64 [n].
    """
    multiplicity = np.bincount(acquired_nodes, minlength=len(graph))
    starts, rows = graph.listed_by
    counts = np.zeros(len(graph), dtype=np.int64)
    for node in np.flatnonzero(multiplicity):
        counts[rows[starts[node] : starts[node + 1]]] += multiplicity[node]
    return counts


def log_diameters(graph: NeighbourGraph, offset: float) -> np.ndarray:
    """log(2 epsilon(x) + c), float64 [n]: the term of h that stays constant over the rounds."""
    return np.log(2.0 * graph.radius.astype(np.float64) + offset)


def prompt_entropy(graph: NeighbourGraph, counts: np.ndarray, offset: float, dimension: float) -> np.ndarray:
    """h(x) = log(2 epsilon(x) + c) - psi(n(x) + 1) / d, nats, float64 [n].

    A graph of one node says nothing about places: h = 0.

    Args:
        graph: neighbour lists of n nodes.
        counts: int64 [n], from `acquired_counts`.
        offset: c > 0 (1e-4 in BAL-PM's code).
        dimension: d > 0 (1 in BAL-PM's code).

    Source: Melo et al. 2024, KSG estimator (Kraskov et al. 2004, marginal form), up to a constant.
    """
    if len(graph) == 1:
        return np.zeros(1)
    return log_diameters(graph, offset) - digamma(counts + 1) / dimension
