"""Greedy batches: argmax over nodes of (largest remaining uncertainty) + beta * entropy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import digamma

from prefloop.entropy.ksg import acquired_counts, log_diameters
from prefloop.neighbours.graph import NeighbourGraph


class NodeEntropy(Protocol):
    """Entropy of every node, updated as pairs are acquired.

    `values` is float64 [n], nats; `acquire(node)` counts one more pair there and returns the
    nodes whose value changed.
    """

    values: np.ndarray

    def acquire(self, node: int) -> np.ndarray | slice:
        """Count one more pair at `node`."""


class GraphEntropy:
    """h of `ksg.prompt_entropy`, kept up to date in O(in-degree) per acquired pair."""

    def __init__(
        self, graph: NeighbourGraph, acquired_nodes: np.ndarray, more: int, offset: float, dimension: float
    ) -> None:
        self._starts, self._rows = graph.listed_by
        self._constant = len(graph) == 1
        self._counts = acquired_counts(graph, acquired_nodes)
        self._base = np.zeros(1) if self._constant else log_diameters(graph, offset)
        most = int(self._counts.max(initial=0)) + more
        self._psi = np.zeros(most + 1) if self._constant else digamma(np.arange(1, most + 2)) / dimension
        self.values = self._base - self._psi[self._counts]

    def acquire(self, node: int) -> np.ndarray | slice:
        """Count one more pair at `node`; return the nodes that list it."""
        changed = self._rows[self._starts[node] : self._starts[node + 1]]
        self._counts[changed] += 1
        self.values[changed] = self._base[changed] - self._psi[self._counts[changed]]
        return changed


@dataclass(frozen=True)
class GreedyBatch:
    """Picks in order, with the terms of each pick's score at the moment it was picked."""

    picks: np.ndarray
    scores: np.ndarray
    uncertainty: np.ndarray
    entropy: np.ndarray


def greedy_batch(
    uncertainty: np.ndarray, node_of_pair: np.ndarray, entropy: NodeEntropy, beta: float, n: int
) -> GreedyBatch:
    """Pick n pairs, one at a time, by uncertainty + beta * entropy of the prompt's node.

    Costs O(N) once and O(nodes + changed) a pick. Ties: the smaller node, then the larger
    uncertainty, then the smaller row.

    Args:
        uncertainty: float64 [N], nats.
        node_of_pair: int [N], node of each pair's prompt.
        entropy: value of every node; updated pick by pick.
        beta: weight of the entropy.
        n: pairs to pick, at most N.

    Returns:
        The picks (rows of `uncertainty`) with score and terms.

    Source: Melo et al. 2024, greedy maximisation of the acquisition objective.
    """
    groups = _Groups(uncertainty, node_of_pair, len(entropy.values))
    total = groups.best + beta * entropy.values
    picks = np.empty(n, dtype=np.int64)
    scores, chosen_entropy = np.empty(n), np.empty(n)
    for step in range(n):
        node = int(total.argmax())
        picks[step], scores[step], chosen_entropy[step] = groups.take(node), total[node], entropy.values[node]
        changed = entropy.acquire(node)
        total[changed] = groups.best[changed] + beta * entropy.values[changed]
        total[node] = groups.best[node] + beta * entropy.values[node]
    return GreedyBatch(picks, scores, uncertainty[picks], chosen_entropy)


class _Groups:
    """Pairs grouped by node, with the largest remaining uncertainty of each."""

    def __init__(self, uncertainty: np.ndarray, node_of_pair: np.ndarray, nodes: int) -> None:
        self._order = np.argsort(node_of_pair, kind="stable")
        self._left = uncertainty[self._order].astype(np.float64)
        counts = np.bincount(node_of_pair, minlength=nodes)
        self._starts = np.concatenate([[0], np.cumsum(counts)])
        self.best = np.full(nodes, -np.inf)
        filled = np.flatnonzero(counts)
        if filled.size:
            self.best[filled] = np.maximum.reduceat(self._left, self._starts[filled])

    def take(self, node: int) -> int:
        """Remove the most uncertain pair of a node and return its row."""
        group = slice(self._starts[node], self._starts[node + 1])
        left = self._left[group]
        place = int(left.argmax())
        left[place] = -np.inf
        self.best[node] = left.max()
        return int(self._order[self._starts[node] + place])
