"""Approximate lists from an HNSW index (Malkov & Yashunin 2018) by hnswlib."""

from __future__ import annotations

import os

import hnswlib
import numpy as np

from prefloop.config.data import Neighbours as Config
from prefloop.errors import StateError
from prefloop.neighbours.nodes import distances, ordered_lists
from prefloop.progress import Progress

_BLOCK = 20_000


def hnsw_lists(vectors: np.ndarray, k: int, config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Build the index and ask it for every vector's list, itself first.

    One building thread repeats exactly; asking is read-only and uses all cores.

    Args:
        vectors: float32 [n, D], distinct rows (many exact duplicates would break the graph).
        k: length of a list, at most n.
        config: section `neighbours`.

    Returns:
        neighbours int32 [n, k], distances float32 [n, k] (Euclidean; hnswlib's own are squared).

    Raises:
        StateError: the index cannot give k neighbours to every vector.
    """
    count, dim = vectors.shape
    index = hnswlib.Index(space="l2", dim=dim)
    index.init_index(
        max_elements=count, M=config.m, ef_construction=config.ef_construction, random_seed=config.seed
    )
    with Progress("building the neighbour index", count, "points") as progress:
        for start in range(0, count, _BLOCK):
            block = np.asarray(vectors[start : start + _BLOCK])
            index.add_items(block, np.arange(start, start + len(block)), num_threads=config.threads)
            progress.add(len(block))
    index.set_ef(max(config.ef, k))
    lists, lengths = [], []
    with Progress("asking the neighbour index", count, "points") as progress:
        for start in range(0, count, _BLOCK):
            rows = np.arange(start, min(start + _BLOCK, count))
            nearest = _ask(index, np.asarray(vectors[rows]), k)
            neighbours, length = _with_itself(vectors, rows, nearest, k)
            lists.append(neighbours)
            lengths.append(length)
            progress.add(len(rows))
    return np.concatenate(lists), np.concatenate(lengths)


def _ask(index: hnswlib.Index, queries: np.ndarray, k: int) -> np.ndarray:
    try:
        nearest, _ = index.knn_query(queries, k=k, num_threads=os.cpu_count() or 1)
    except RuntimeError as error:
        raise StateError(
            f"the HNSW index cannot find {k} neighbours for every prompt ({error}): "
            "raise neighbours.m and neighbours.ef, or set neighbours.backend to exact"
        ) from None
    return nearest.astype(np.int64)


def _with_itself(
    vectors: np.ndarray, rows: np.ndarray, nearest: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    # HNSW may leave a point out of its own list: put it first and drop the farthest found.
    others = np.concatenate([rows[:, None], nearest], axis=1)
    owners = np.repeat(rows, k + 1)
    keep = np.r_[True, np.zeros(k, dtype=bool)] | (others != rows[:, None])
    flat = others[keep]
    owners = owners[keep.ravel()]
    return ordered_lists(owners, flat, distances(vectors, owners, flat), k)
