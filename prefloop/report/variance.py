"""Variance of linear contrasts of curves, over seeds and evaluated prompts together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.report.scores import Scores


@dataclass(frozen=True)
class Units:
    """What seeds and prompts contribute to the mean curves: a linear contrast of these is one of them.

    Attributes:
        per_seed: float64 [S, P, R], each seed's weighted mean.
        within: S arrays float64 [P, R, Q_s], w_q (y_q - the seed's mean) / S, which sum to 0 over q.
        prompt: S arrays int64 [Q_s], places of these prompts among all.
        prompts: number of all prompts, Q.
        effective: effective number of prompts, 1 / sum of the squared mean shares.
        shrink: what centring leaves of a prompt's variance: 1 - the mean over seeds of sum_q w_q^2.
    """

    per_seed: np.ndarray
    within: tuple[np.ndarray, ...]
    prompt: tuple[np.ndarray, ...]
    prompts: int
    effective: float
    shrink: float


@dataclass(frozen=True)
class Linear:
    """Contrasts with their variances.

    Attributes:
        value: float64 [C], the estimates.
        variance: float64 [C]; NaN where neither seeds nor prompts can be told apart.
        df: float64 [C], Satterthwaite's degrees of freedom; NaN as above.
        by_seed: float64 [S, C], deviations of seeds whose sum of squares is the seeds' variance.
        by_prompt: float64 [Q, C], the same of prompts.
    """

    value: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    by_seed: np.ndarray
    by_prompt: np.ndarray


def units_of(scores: Scores) -> Units:
    """Linearise the mean curves.

    Args:
        scores: of all runs.
    """
    every, places = np.unique(np.concatenate([seed.prompt for seed in scores.seeds]), return_inverse=True)
    places = np.split(places, np.cumsum([len(seed.prompt) for seed in scores.seeds])[:-1])
    count = len(scores.seeds)
    within, means, share = [], [], np.zeros(len(every))
    for seed, at in zip(scores.seeds, places, strict=True):
        y, w = seed.by_prompt(), seed.share()
        mean = y @ w
        means.append(mean)
        within.append(w * (y - mean[..., None]) / count)
        share[at] += w / count
    lost = float(np.mean([np.sum(seed.share() ** 2) for seed in scores.seeds]))
    return Units(np.stack(means), tuple(within), tuple(places), len(every), 1 / float(share @ share), 1 - lost)


def contrast(units: Units, weights: np.ndarray) -> Linear:
    """Estimate linear contrasts of the mean curves, with their two-way variances.

    With d_sq a prompt's deviation within a seed (`Units.within`, contrasted), S seeds and theta_s a seed's
    contrast:

        V_seed = sum_s (theta_s - theta)^2 / (S (S - 1))
        V_prompt = sum_q (sum_s d_sq)^2 / shrink,    V_interaction = sum_sq d_sq^2 / shrink
        V = V_seed + S / (S - 1) (V_prompt - V_interaction)

    V_prompt - V_interaction is what seeds share because they evaluate the same prompts. V_seed does not see
    it, and even loses 1 / (S - 1) of it; hence the factor, which makes V unbiased for any overlap of the
    seeds' prompts. Where no prompt recurs V is V_seed; where all do it is the estimator of a two-way
    analysis of variance. Neither part can truly exceed the whole, so V is never below the larger one.

    Args:
        units: the mean curves, linearised.
        weights: float64 [C, P, R], coefficients.

    Source: Cameron, Gelbach and Miller 2011 (doi 10.1198/jbes.2010.07136), two-way clusters; Satterthwaite
        1946 (doi 10.2307/3002019), degrees of freedom.
    """
    seeds, flat = len(units.within), weights.reshape(len(weights), -1)
    theta = units.per_seed.reshape(seeds, -1) @ flat.T
    shared, interaction = np.zeros((units.prompts, len(flat))), np.zeros(len(flat))
    for within, at in zip(units.within, units.prompt, strict=True):
        d = (flat @ within.reshape(flat.shape[1], -1)).T
        shared[at] += d
        interaction += np.sum(d * d, axis=0)
    value = theta.mean(axis=0)
    by_seed = (theta - value) / np.sqrt(seeds * max(seeds - 1, 1))
    by_prompt = shared / np.sqrt(units.shrink) if units.shrink > 0 else np.zeros_like(shared)
    interaction = interaction / units.shrink if units.shrink > 0 else np.zeros_like(interaction)
    variance, df = _together(by_seed, by_prompt, interaction, units)
    return Linear(value, variance, df, by_seed, by_prompt)


def _together(
    by_seed: np.ndarray, by_prompt: np.ndarray, interaction: np.ndarray, units: Units
) -> tuple[np.ndarray, np.ndarray]:
    """Variance and degrees of freedom [C] from both parts."""
    seeds, prompts = len(by_seed), units.effective
    of_seeds, of_prompts = (by_seed**2).sum(axis=0), (by_prompt**2).sum(axis=0)
    nothing = np.full(len(of_seeds), np.nan)
    if seeds == 1:
        return (of_prompts, np.full(len(of_seeds), prompts - 1)) if units.shrink > 0 else (nothing, nothing)
    factor = seeds / (seeds - 1)
    whole = of_seeds + factor * (of_prompts - interaction)
    variance = np.maximum(whole, np.maximum(of_seeds, of_prompts))
    spread = of_seeds**2 / (seeds - 1)
    if units.shrink > 0:
        within = (factor * of_prompts) ** 2 + (factor * interaction) ** 2 / (seeds - 1)
        spread = spread + within / max(prompts - 1, 1)
    df = np.divide(variance**2, spread, out=np.full_like(spread, seeds - 1), where=spread > 0)
    return variance, df
