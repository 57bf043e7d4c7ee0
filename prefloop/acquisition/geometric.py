"""Batch policies that spread pairs in a feature space: k-centre and D-optimal design."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from prefloop.acquisition.view import PoolView, Selection, require
from prefloop.config import policies as params

_BLOCK = 65_536


def k_centre(view: PoolView, n: int, rng: np.random.Generator, config: params.KCentre) -> Selection:
    """The pair farthest from all acquired and chosen ones, again and again.

    A pair's feature is the difference of its completions' vectors; since neither order is the
    right one, two pairs are as far apart as the nearer of delta and -delta:
    min ||delta -+ delta'||^2 = ||delta||^2 + ||delta'||^2 - 2 |delta . delta'|. Costs O(N D) a pick.

    Source: Gonzalez 1985; core-set form of Sener & Savarese 2018.
    """
    require(len(view), n)
    candidates = view.features[view.a] - view.features[view.b]
    norms = np.einsum("ij,ij->i", candidates, candidates)
    nearest = np.full(len(view), np.inf, dtype=np.float32)
    acquired = view.features[view.acquired_a] - view.features[view.acquired_b]
    for start in range(0, len(acquired), 256):
        centres = acquired[start : start + 256]
        products = np.abs(candidates @ centres.T)
        squared = norms[:, None] + np.einsum("ij,ij->i", centres, centres) - 2 * products
        np.minimum(nearest, squared.min(axis=1), out=nearest)
    picks, scores = np.empty(n, dtype=np.int64), np.empty(n)
    for step in range(n):
        best = int(nearest.argmax()) if np.isfinite(nearest).any() else int(norms.argmax())
        picks[step], scores[step] = best, np.sqrt(max(float(min(nearest[best], norms[best])), 0.0))
        squared = norms + norms[best] - 2 * np.abs(candidates @ candidates[best])
        np.minimum(nearest, squared, out=nearest)
        nearest[picks[: step + 1]] = -np.inf
    return Selection(picks, scores)


def d_optimal(view: PoolView, n: int, rng: np.random.Generator, config: params.DOptimal) -> Selection:
    """The largest growth of log det(ridge I + sum p(1 - p) delta delta^T), greedily.

    delta is the difference of last-layer features, p the members' mean win probability; a pick
    of information w v grows the log determinant by log(1 + w v) with v = delta^T A^-1 delta.
    The inverse is kept by rank-one updates (Sherman & Morrison 1950): O(N H) a pick.

    Source: Shen et al. 2025 (arXiv 2502.04354), D-optimal design on the last layer.
    """
    require(len(view), n)
    hidden = view.last_layer()
    candidates = hidden[view.a] - hidden[view.b]
    p = expit(view.logits).mean(axis=0)
    weight = p * (1 - p)
    inverse = np.linalg.inv(_information(view, hidden, config.ridge))
    leverage = np.concatenate(
        [
            np.einsum("ij,ij->i", block @ inverse, block)
            for block in (candidates[s : s + _BLOCK] for s in range(0, len(candidates), _BLOCK))
        ]
    )
    picks, scores = np.empty(n, dtype=np.int64), np.empty(n)
    free = np.ones(len(view), dtype=bool)
    for step in range(n):
        gain = np.where(free, weight * leverage, -np.inf)
        best = int(gain.argmax())
        picks[step], scores[step], free[best] = best, np.log1p(gain[best]), False
        direction = inverse @ candidates[best].astype(np.float64)
        shrink = weight[best] / (1 + gain[best])
        leverage -= shrink * (candidates @ direction.astype(candidates.dtype)).astype(np.float64) ** 2
        inverse -= shrink * np.outer(direction, direction)
    return Selection(picks, scores)


def _information(view: PoolView, hidden: np.ndarray, ridge: float) -> np.ndarray:
    delta = (hidden[view.acquired_a] - hidden[view.acquired_b]).astype(np.float64)
    logits = view.rewards[:, view.acquired_a].astype(np.float64) - view.rewards[:, view.acquired_b]
    p = expit(logits).mean(axis=0)
    return ridge * np.eye(hidden.shape[1]) + (delta * (p * (1 - p))[:, None]).T @ delta
