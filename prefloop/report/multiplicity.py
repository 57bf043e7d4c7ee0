"""The level at which each of many contrasts is tested, so that all of them together keep theirs."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from prefloop.report.variance import Linear


def joint_level(
    linear: Linear, policies: np.ndarray, confidence: float, resamples: int, rng: np.random.Generator
) -> float:
    """Two-sided level of a single contrast at which no contrast of the family is rejected with `confidence`.

    Replicates of all contrasts are drawn together from normal multipliers: of each policy's seeds (the same
    variance for all, as in the pooled variance; 3 seeds say nothing of correlations), and of each prompt's
    deviations, which policies share. The quantile of the largest standardised |replicate| over that of a
    single one says how many tests the correlated family is worth. It is handed on as a level and not as a
    factor, because contrasts with few degrees of freedom have longer tails: a factor was measured to let
    reports of 12 equal policies give a verdict too often.

    Args:
        linear: the contrasts, of one functional of the curves.
        policies: float64 [C, P], each contrast's coefficients of the policies.
        confidence: of all intervals together.
        resamples: number of replicates.
        rng: source of the multipliers.

    Returns:
        The level, at most 1 - confidence.

    Source: Westfall and Young 1993, the maximum statistic; Dunnett 1955 (doi 10.2307/2281208).
    """
    varying = linear.of_seeds + (linear.by_prompt**2).sum(axis=0) > 0
    if varying.sum() < 2:
        return 1 - confidence
    sizes = np.linalg.norm(policies[varying], axis=1)
    seeds = policies[varying] / sizes[:, None] * np.sqrt(linear.of_seeds[varying])[:, None]
    prompts = linear.by_prompt[:, varying]
    drawn = rng.standard_normal((resamples, policies.shape[1])) @ seeds.T
    drawn += rng.standard_normal((resamples, len(prompts))) @ prompts
    largest = np.abs(drawn / np.sqrt((seeds**2).sum(axis=1) + (prompts**2).sum(axis=0))).max(axis=1)
    return min(1 - confidence, float(2 * ndtr(-np.quantile(largest, confidence))))
