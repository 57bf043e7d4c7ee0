"""Neighbour lists within a run's pool, from lists among all prompts that can be in a pool."""

from __future__ import annotations

from math import ceil

import numpy as np
import torch

from prefloop.config.data import Neighbours, Split
from prefloop.data.prepared import AUTO, POOL, Prepared
from prefloop.io.rows import Vectors
from prefloop.neighbours.exact import exact_lists
from prefloop.neighbours.graph import NeighbourGraph

# Entries of a list beyond those expected to be in the pool: with a quarter in test and k = 13 about 1 % of the
# lists fall short and are measured again.
_SPARE = 8


def widened(config: Neighbours, split: Split) -> Neighbours:
    """Parameters of the stored lists, of which about k entries are left when test and val prompts go."""
    away = split.test + split.val
    k = ceil(config.k / (1 - away)) + (_SPARE if away else 0)
    return config.model_copy(update={"k": k, "ef": max(config.ef, k)})


def poolable(stored: Prepared) -> np.ndarray:
    """Which stored prompts can be in a pool, bool [Q]; the lists are theirs."""
    return (stored.split == POOL) | (stored.split == AUTO)


def restrict(graph: NeighbourGraph, prompts: np.ndarray, vectors: Vectors, k: int) -> NeighbourGraph:
    """Cut the graph to some prompts; lists that fall short are measured exactly.

    Costs O(nodes x list) and, for the few short lists, a product with all nodes' vectors.

    Args:
        graph: lists among all prompts that can be in a pool.
        prompts: int64 [Q_pool], the pool's prompts, as positions in `graph.node_of_prompt`.
        vectors: float32 [Q, D], their vectors by the same positions, memory-mapped or not.
        k: length of a list; cut where there are fewer nodes.

    Returns:
        The graph of the pool: nodes by their first prompt, each list the node itself and its nearest others.
    """
    old = np.asarray(graph.node_of_prompt)[prompts]
    nodes, first, node = np.unique(old, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.full(len(graph), -1, dtype=np.int64)
    number[nodes[order]] = np.arange(len(nodes))
    k = min(k, len(nodes))
    lists = number[np.asarray(graph.neighbours)[nodes[order]]]
    inside = lists >= 0
    place = np.cumsum(inside, axis=1) - 1
    chosen = inside & (place < k)
    short = np.flatnonzero(inside.sum(axis=1) < k)
    neighbours = np.empty((len(nodes), k), dtype=np.int32)
    distances = np.empty((len(nodes), k), dtype=np.float32)
    row, column = np.nonzero(chosen)
    neighbours[row, place[chosen]] = lists[chosen]
    distances[row, place[chosen]] = np.asarray(graph.distances)[nodes[order]][row, column]
    if len(short):
        points = np.asarray(vectors[prompts[first[order]]])
        neighbours[short], distances[short] = exact_lists(points, short, k, torch.device("cpu"))
    rank = np.empty(len(nodes), dtype=np.int32)
    rank[order] = np.arange(len(nodes), dtype=np.int32)
    return NeighbourGraph(neighbours, distances, rank[node], first[order].astype(np.int64))
