"""Nodes of the graph: the distinct vectors of pool prompts; and the one distance kernel."""

from __future__ import annotations

import numpy as np


def distinct_vectors(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the distinct rows, numbered by first appearance.

    Args:
        vectors: float32 [Q, D].

    Returns:
        first: int64 [n], row of the first appearance of each distinct vector, increasing.
        node: int32 [Q], number of the distinct vector of each row.
    """
    contiguous = np.ascontiguousarray(vectors)
    raw = contiguous.view(np.dtype((np.void, contiguous.itemsize * contiguous.shape[1]))).ravel()
    _, first, inverse = np.unique(raw, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    number = np.empty(len(order), dtype=np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    return first[order].astype(np.int64), number[inverse.ravel()]


def distances(vectors: np.ndarray, rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distance between vectors[rows[i]] and vectors[others[i]].

    Differences are squared and summed in float64, then rounded to float32: the one kernel that
    every backend and the naive reference share, so that ties are the same ties everywhere.

    Returns:
        float32 [len(rows)].
    """
    result = np.empty(len(rows), dtype=np.float32)
    block = max(1, (1 << 22) // vectors.shape[1])
    for start in range(0, len(rows), block):
        part = slice(start, start + block)
        result[part] = lengths(vectors[rows[part]].astype(np.float64) - vectors[others[part]])
    return result


def lengths(difference: np.ndarray) -> np.ndarray:
    """Euclidean length, float32 [n], of float64 rows [n, D]: the kernel itself."""
    squared: np.ndarray = np.einsum("ij,ij->i", difference, difference)
    return np.sqrt(squared).astype(np.float32)


def ordered_lists(
    rows: np.ndarray, others: np.ndarray, distance: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut candidates to lists of k: the row itself first, then others by (distance, row).

    Args:
        rows: int64 [E], list owners, each with at least k candidates (itself included).
        others: int64 [E], candidates, without repetition per row; the owner is among them.
        distance: float32 [E].
        k: length of a list.

    Returns:
        neighbours int32 [n, k] and distances float32 [n, k], owners in increasing order.
    """
    order = np.lexsort((others, distance, others != rows, rows))
    rows, others, distance = rows[order], others[order], distance[order]
    starts = np.flatnonzero(np.r_[True, rows[1:] != rows[:-1]])
    take = starts[:, None] + np.arange(k)
    return others[take].astype(np.int32), distance[take]
