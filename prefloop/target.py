"""Weights that make prompts resemble a target's: a density ratio by nearest neighbours, and balanced labels."""

from __future__ import annotations

import numpy as np
import torch

from prefloop.errors import ConfigError
from prefloop.neighbours.balls import Balls
from prefloop.neighbours.exact import exact_lists


def density_weights(
    prompts: np.ndarray, target: np.ndarray, neighbours: int, clip: float, min_effective: float
) -> np.ndarray:
    """Weigh prompts by the ratio of the target's density to their own, estimated by nearest neighbours.

    The ball around a prompt that just reaches its k-th nearest other prompt holds k of the n - 1 others and some
    of the m target prompts; the ratio of these two shares estimates the ratio of the densities, for the ball's
    volume cancels. Where several prompts lie at exactly that distance, all of them are counted, on both sides.

    A ratio of small counts has a heavy upper tail; hence the clip.
    Memory is O(n * D) and blocks of at most 256 MiB; time is O(n * (n + m) * D).

    Args:
        prompts: float32 [n, D], the prompts to weigh.
        target: float32 [m, D], the target's prompts, in the same space.
        neighbours: k; n - 1 where that is less.
        clip: largest weight in units of the mean before clipping, above 1.
        min_effective: smallest effective number of prompts that is accepted.

    Returns:
        float64 [n], mean 1; a lone prompt weighs 1.

    Raises:
        ConfigError: no prompt is near any of the target, or too few prompts carry the weight.

    Source: Lima et al. 2008 (MNRAS 390, 118), the nearest-neighbour weights; Kremer et al. 2015 (Astronomy and
        Computing 12, 67).
    """
    if len(prompts) == 1:
        return np.ones(1)
    radius, inside = _balls(prompts, min(neighbours, len(prompts) - 1))
    reached = _counts(prompts, radius, target)
    if not reached.any():
        raise ConfigError(
            f"data.target_file: none of its {len(target)} prompts lies as near to one of {len(prompts)} prompts "
            f"of the data as that one's {neighbours} nearest others; expected an overlap. Give a file whose "
            "prompts the data cover, raise data.target_file.neighbours, or set data.target to prompts"
        )
    ratio = (reached / len(target)) / (inside / (len(prompts) - 1))
    clipped = np.minimum(ratio, clip * ratio.mean())
    weights: np.ndarray = clipped / clipped.mean()
    effective = effective_size(weights)
    if effective < min_effective:
        raise ConfigError(
            f"data.target_file: weighting {len(prompts)} prompts of the data for its {len(target)} leaves an "
            f"effective number of {effective:.1f}; expected at least {min_effective:g} "
            "(data.target_file.min_effective). Give data that cover the target better, lower "
            "data.target_file.clip, raise data.target_file.neighbours, or set data.target to prompts"
        )
    return weights


def label_weights(prompt: np.ndarray, balance: float) -> np.ndarray:
    """What each label counts in training, so that prompts with many labels do not drown the others.

    w_i = c_q(i)^-balance, divided by the mean, c_q the labels of prompt q. With 1 every labelled prompt counts
    alike, as the target wants it but with the fewest effective labels; with 0 every label does.

    Args:
        prompt: int64 [n], row of each label's prompt.
        balance: from 0 to 1.

    Returns:
        float64 [n], mean 1; all exactly 1 where no prompt has more labels than another.

    Source: Shimodaira 2000 (J. Stat. Plan. Inference 90, 227): likelihood weighted by a density ratio to a power
        in [0, 1], here the ratio of prompts alike to labels as they came.
    """
    _, place, count = np.unique(prompt, return_inverse=True, return_counts=True)
    if not len(count) or (count == count[0]).all():
        return np.ones(len(prompt))
    weights: np.ndarray = count[place].astype(np.float64) ** -balance
    return weights / weights.mean()


def effective_size(weights: np.ndarray) -> float:
    """Effective number of weighted observations, (sum w)^2 / sum w^2: n where all are equal, 1 where one has all.

    Args:
        weights: float64 [n], >= 0, not all 0.

    Source: Kish 1965, Survey Sampling.
    """
    return float(weights.sum() ** 2 / np.square(weights).sum())


def _balls(prompts: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Distance to the k-th nearest other prompt, float32 [n], and how many others lie within it, int64 [n]."""
    count = len(prompts)
    # One further neighbour, where there is one, tells whether the k-th is tied.
    length = min(k + 2, count)
    _, distance = exact_lists(prompts, np.arange(count), length, torch.device("cpu"))
    radius, inside = distance[:, k], np.full(count, k)
    tied = np.flatnonzero(distance[:, -1] == radius) if length == k + 2 else np.zeros(0, np.int64)
    if len(tied):
        inside[tied] = _counts(prompts[tied], radius[tied], prompts) - 1
    return radius, inside


def _counts(centres: np.ndarray, radius: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points within the radius of each centre, int64 [n]."""
    counts = np.zeros(len(centres), dtype=np.int64)
    for ball, _ in Balls(centres, radius).holding(points):
        counts += np.bincount(ball, minlength=len(centres))
    return counts
