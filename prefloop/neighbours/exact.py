"""Exact lists: blocked matrix products screen candidates, the float64 kernel decides."""

from __future__ import annotations

import numpy as np
import torch

from prefloop.neighbours.nodes import distances, ordered_lists
from prefloop.progress import Progress

_BLOCK_CELLS = 1 << 25


def exact_lists(
    vectors: np.ndarray, rows: np.ndarray, k: int, device: torch.device
) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest of all vectors to each asked vector, itself first.

    Squared distances by matrix products carry rounding errors, so every candidate within the
    error bound of the k-th is kept and measured again by the shared kernel.

    Args:
        vectors: float32 [n, D].
        rows: int64 [m], increasing: whose lists.
        k: length of a list, at most n.
        device: where the products run.

    Returns:
        neighbours int32 [m, k], distances float32 [m, k].
    """
    everything = torch.from_numpy(np.array(vectors, dtype=np.float32)).to(device)
    # Centring changes no distance and keeps the cancellation below small.
    everything -= everything.mean(dim=0, keepdim=True)
    norms = everything.square().sum(dim=1)
    block = max(1, _BLOCK_CELLS // len(vectors))
    lists, lengths = [], []
    with Progress("exact neighbours", len(rows), "points") as progress:
        for start in range(0, len(rows), block):
            part = rows[start : start + block]
            owner, candidate = _candidates(everything, norms, torch.from_numpy(part).to(device), k)
            neighbours, length = ordered_lists(
                part[owner], candidate, distances(vectors, part[owner], candidate), k
            )
            lists.append(neighbours)
            lengths.append(length)
            progress.add(len(part))
    return np.concatenate(lists), np.concatenate(lengths)


def _candidates(
    vectors: torch.Tensor, norms: torch.Tensor, rows: torch.Tensor, k: int
) -> tuple[np.ndarray, np.ndarray]:
    squared = norms[rows, None] + norms[None, :] - 2 * (vectors[rows] @ vectors.T)
    squared[torch.arange(len(rows), device=rows.device), rows] = -torch.inf
    kth = squared.topk(k, dim=1, largest=False).values[:, -1]
    # Error of a float32 product of length D: D * 2^-24 of the terms' magnitude, on either side.
    error = 4 * vectors.shape[1] * 2.0**-24 * (norms[rows] + norms.max())
    owner, candidate = torch.nonzero(squared <= (kth + error)[:, None], as_tuple=True)
    return owner.cpu().numpy(), candidate.cpu().numpy()
