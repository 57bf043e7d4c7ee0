"""Weights by which the prompts there are resemble those that the model will meet."""

from __future__ import annotations

import numpy as np

from prefloop.errors import ConfigError

_CELLS = 1 << 22


def density_weights(
    prompts: np.ndarray, target: np.ndarray, neighbours: int, clip: float, min_effective: float
) -> np.ndarray:
    """Nearest-neighbour density ratio of the target to the prompts, at each prompt.

    Args:
        prompts: float [n, D], n >= 2.
        target: float [m, D], m >= 1; a prompt that stands there twice counts twice.
        neighbours: k; the ball at a prompt reaches its k-th nearest other prompt.
        clip: largest weight, in units of the mean.
        min_effective: effective number of prompts that must be left.

    Returns:
        float64 [n], mean 1.

    Raises:
        ConfigError: the target is nowhere near the prompts, or too few of them count.

    Source: Lima et al. 2008 (arXiv 0801.3822); Kremer et al. 2015, nearest neighbour density ratios.
    """
    k = min(neighbours, len(prompts) - 1)
    weights = np.concatenate([_inside(prompts, target, part, k) for part in _blocks(len(prompts), len(target))])
    if weights.any():
        weights = np.minimum(weights, clip * weights.mean())
        weights = weights / weights.mean()
    size = effective_size(weights)
    if size < min_effective:
        raise ConfigError(
            f"data.target_file: of {len(prompts)} prompts {size:.1f} count effectively towards the target's, fewer "
            f"than min_effective = {min_effective:g}: the data do not cover these prompts. Add data that does, "
            "lower clip or min_effective, or choose another target"
        )
    return weights


def effective_size(weights: np.ndarray) -> float:
    """(sum w)^2 / sum w^2; 0 where nothing counts."""
    return float(weights.sum() ** 2 / np.square(weights).sum()) if weights.any() else 0.0


def _blocks(rows: int, columns: int) -> list[slice]:
    step = max(1, _CELLS // max(rows, columns))
    return [slice(start, start + step) for start in range(0, rows, step)]


def _inside(prompts: np.ndarray, target: np.ndarray, part: slice, k: int) -> np.ndarray:
    """Share of the target within each prompt's k-th neighbour, over the share k / (n - 1) of the prompts."""
    own = _squared(prompts[part], prompts)
    own[np.arange(len(own)), np.arange(len(prompts))[part]] = np.inf
    radius = np.partition(own, k - 1, axis=1)[:, k - 1]
    count: np.ndarray = (_squared(prompts[part], target) <= radius[:, None]).sum(axis=1)
    return count / len(target) / (k / (len(prompts) - 1))


def _squared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    x, y = first.astype(np.float64), second.astype(np.float64)
    products: np.ndarray = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
    return products
