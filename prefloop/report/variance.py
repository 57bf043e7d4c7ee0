"""Variance of linear contrasts of curves, over seeds and evaluated prompts together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.report.pooling import pooled_variance, prior_df
from prefloop.report.scores import Scores


@dataclass(frozen=True)
class Units:
    """What seeds and prompts contribute to the mean curves: of a contrast they contribute the contrast of it.

    Attributes:
        per_seed: float64 [S, P, R], each seed's weighted mean.
        within: S arrays float64 [P, R, Q_s], w_q (y_q - the seed's mean) / S, which sum to 0 over q.
        prompt: S arrays int64 [Q_s], places of these prompts among all.
        prompts: number of all prompts, Q.
        effective: effective number of prompts, 1 / sum of the squared mean shares.
        shrink: what centring leaves of a prompt's variance: 1 - the mean over seeds of sum_q w_q^2.
        prior: degrees of freedom that the variance pooled over policies is worth beside a contrast's own.
    """

    per_seed: np.ndarray
    within: tuple[np.ndarray, ...]
    prompt: tuple[np.ndarray, ...]
    prompts: int
    effective: float
    shrink: float
    prior: float


@dataclass(frozen=True)
class Linear:
    """Contrasts with their variances.

    Attributes:
        value: float64 [C], the estimates.
        variance: float64 [C]; NaN with neither two seeds nor two prompts.
        df: float64 [C], Satterthwaite's degrees of freedom; NaN as above.
        of_seeds: float64 [C], the seeds' part of the variance.
        shared: float64 [C], what seeds share because they evaluate the same prompts, which more seeds do not
            lessen: an estimate, below 0 by chance; 0 with one seed.
        by_prompt: float64 [Q, C], deviations of prompts; their sum of squares is the prompts' part.
    """

    value: np.ndarray
    variance: np.ndarray
    df: np.ndarray
    of_seeds: np.ndarray
    shared: np.ndarray
    by_prompt: np.ndarray


def units_of(scores: Scores, rounds: np.ndarray) -> Units:
    """Linearise the mean curves.

    Args:
        scores: of all runs.
        rounds: float64 [R], the functional of a curve by which the policies' variances are compared.
    """
    every, places = np.unique(np.concatenate([seed.prompt for seed in scores.seeds]), return_inverse=True)
    of_seed = np.split(places, np.cumsum([len(seed.prompt) for seed in scores.seeds])[:-1])
    count = len(scores.seeds)
    within, means, share = [], [], np.zeros(len(every))
    for seed, at in zip(scores.seeds, of_seed, strict=True):
        y, w = seed.by_prompt(), seed.share()
        mean = seed.mean()
        means.append(mean)
        within.append(w * (y - mean[..., None]) / count)
        share[at] += w / count
    per_seed = np.stack(means)
    lost = float(np.mean([np.sum(seed.share() ** 2) for seed in scores.seeds]))
    prior = prior_df(per_seed, rounds) if count > 1 else 0.0
    # One prompt has no spread: then sum w^2 is exactly 1.
    return Units(
        per_seed, tuple(within), tuple(of_seed), len(every), 1 / float(share @ share), max(1 - lost, 0.0), prior
    )


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
    analysis of variance. Neither part truly exceeds the whole, so V is never below the larger one.

    V_seed is drawn towards what all policies together say of it, as far as their variances agree: 3 seeds
    alone say little. One seed has no V_seed: V is then V_prompt, which knows nothing of the luck of a run.

    Args:
        units: the mean curves, linearised.
        weights: float64 [C, P, R], coefficients.

    Source: Cameron, Gelbach and Miller 2011 (doi 10.1198/jbes.2010.07136), two-way clusters; Smyth 2004 (doi
        10.2202/1544-6115.1027), the moderated variance; Satterthwaite 1946 (doi 10.2307/3002019).
    """
    theta = np.einsum("spr,cpr->sc", units.per_seed, weights)
    value = theta.mean(axis=0)
    by_prompt, interaction = _by_prompt(units, weights)
    of_prompts = (by_prompt**2).sum(axis=0)
    if len(theta) == 1:
        variance = of_prompts if units.shrink > 0 else np.full(len(value), np.nan)
        df = np.where(np.isnan(variance), np.nan, units.effective - 1)
        none = np.zeros(len(value))
        return Linear(value, variance, df, none, none, by_prompt)
    of_seeds, seeds_df = _of_seeds(units, weights, theta)
    factor = len(theta) / (len(theta) - 1)
    shared = factor * (of_prompts - interaction)
    variance = np.maximum(of_seeds + shared, np.maximum(of_seeds, of_prompts))
    within = (factor * of_prompts) ** 2 + (factor * interaction) ** 2 / (len(theta) - 1)
    spread = of_seeds**2 / seeds_df + within / max(units.effective - 1, 1)
    # Without any spread every number of degrees of freedom gives the same interval.
    df = np.divide(variance**2, spread, out=np.ones_like(spread), where=spread > 0)
    return Linear(value, variance, np.maximum(df, 1.0), of_seeds, shared, by_prompt)


def _by_prompt(units: Units, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Deviations of prompts [Q, C], summed over seeds, and V_interaction [C]."""
    shared, interaction = np.zeros((units.prompts, len(weights))), np.zeros(len(weights))
    if units.shrink <= 0:
        return shared, interaction
    used = weights.any(axis=(0, 2))
    flat = weights[:, used].reshape(len(weights), -1)
    for within, at in zip(units.within, units.prompt, strict=True):
        d = within[used].reshape(flat.shape[1], len(at)).T @ flat.T
        shared[at] += d
        interaction += (d * d).sum(axis=0)
    return shared / np.sqrt(units.shrink), interaction / units.shrink


def _of_seeds(units: Units, weights: np.ndarray, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The seeds' variance and its degrees of freedom, both [C]: own and pooled, weighed."""
    own_df = len(theta) - 1
    measured = theta.var(axis=0, ddof=1) / len(theta)
    pooled, pooled_df = pooled_variance(units.per_seed, weights)
    variance = (units.prior * pooled + own_df * measured) / (units.prior + own_df)
    return variance, np.maximum(np.minimum(units.prior + own_df, pooled_df), own_df)
