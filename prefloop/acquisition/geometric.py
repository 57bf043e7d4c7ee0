"""Batch policies that spread pairs in a feature space: k-centre and D-optimal design."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from prefloop.acquisition.view import BatchPolicy, PoolView, Selection, require
from prefloop.section import NoParameters, Positive, Section

_BLOCK = 65_536
_CENTRE_BLOCK = 4_096


class DOptimal(Section):
    """Parameters of `d_optimal`."""

    ridge: Positive


def k_centre(view: PoolView, n: int, rng: np.random.Generator, config: NoParameters) -> Selection:
    """The pair farthest from all acquired and chosen ones, again and again.

    A pair's feature is the difference of its completions' vectors; since neither order is the
    right one, two pairs are as far apart as the nearer of delta and -delta:
    min ||delta -+ delta'||^2 = ||delta||^2 + ||delta'||^2 - 2 |delta . delta'|. Costs O(N D) a pick.

    Source: Gonzalez 1985; core-set form of Sener & Savarese 2018.
    """
    require(len(view), n)
    candidates = view.features[view.a] - view.features[view.b]
    norms = np.einsum("ij,ij->i", candidates, candidates)
    nearest = _nearest(candidates, norms, view.features[view.acquired_a] - view.features[view.acquired_b])
    picks, scores = np.empty(n, dtype=np.int64), np.empty(n)
    for step in range(n):
        # Nothing acquired and nothing chosen yet: the longest difference is farthest from no pair at all.
        first = step == 0 and not len(view.acquired_a)
        best = int(norms.argmax() if first else nearest.argmax())
        picks[step] = best
        scores[step] = np.sqrt(max(float(norms[best] if first else nearest[best]), 0.0))
        np.minimum(nearest, norms + norms[best] - 2 * np.abs(candidates @ candidates[best]), out=nearest)
        nearest[picks[: step + 1]] = -np.inf
    return Selection(picks, scores)


def _nearest(candidates: np.ndarray, norms: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """Squared distance of each candidate to its nearest centre; infinity without centres."""
    nearest = np.full(len(candidates), np.inf, dtype=np.float32)
    of_centres = np.einsum("ij,ij->i", centres, centres)
    for start in range(0, len(candidates), _CENTRE_BLOCK) if len(centres) else ():
        rows = slice(start, start + _CENTRE_BLOCK)
        for first in range(0, len(centres), _CENTRE_BLOCK):
            part = slice(first, first + _CENTRE_BLOCK)
            products = np.abs(candidates[rows] @ centres[part].T)
            squared = (norms[rows, None] + of_centres[part] - 2 * products).min(axis=1)
            np.minimum(nearest[rows], squared, out=nearest[rows])
    return nearest


def d_optimal(view: PoolView, n: int, rng: np.random.Generator, config: DOptimal) -> Selection:
    """The largest growth of log det(ridge I + sum p(1 - p) delta delta^T), greedily.

    delta is the difference of last-layer features, p the members' mean win probability; a pick
    of information w v grows the log determinant by log(1 + w v) with v = delta^T A^-1 delta.
    The inverse is kept by rank-one updates (Sherman & Morrison 1950): O(N H) a pick.

    Source: Shen et al. 2025 (arXiv 2502.04354), D-optimal design on the last layer.
    """
    require(len(view), n)
    hidden = view.last_layer
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


POLICIES = {
    "k_centre": BatchPolicy(k_centre, NoParameters),
    "d_optimal": BatchPolicy(d_optimal, DOptimal),
}
