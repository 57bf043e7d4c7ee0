"""The variance between seeds, with what all policies together say about it."""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq
from scipy.special import polygamma

# Beyond so many degrees of freedom a variance counts as known.
_KNOWN = 1e6


def pooled_variance(per_seed: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance between seeds of contrasts' means, if every policy's runs vary alike about the seed's effect.

    A seed's effect that all policies share has its own variance, on S - 1 degrees of freedom; what is left,
    the interaction of policy and seed, is pooled over the policies, on (P - 1)(S - 1).

    Args:
        per_seed: float64 [S, P, R], S >= 2.
        weights: float64 [C, P, R].

    Returns:
        Variances and Satterthwaite's degrees of freedom, both [C].
    """
    seeds, policies, _ = per_seed.shape
    common = per_seed.mean(axis=1) - per_seed.mean(axis=(0, 1))
    left = _residuals(per_seed)
    common_weights = weights.sum(axis=1)
    own_weights = weights - common_weights[:, None] / policies
    of_common = ((common @ common_weights.T) ** 2).sum(axis=0) / (seeds - 1) / seeds
    df = (policies - 1) * (seeds - 1)
    moments = np.einsum("spi,spj->ij", left, left) / max(df, 1)
    of_policies = np.einsum("cpi,ij,cpj->c", own_weights, moments, own_weights) / seeds
    variance = of_common + of_policies
    spread = of_common**2 / (seeds - 1) + of_policies**2 / max(df, 1)
    return variance, np.divide(variance**2, spread, out=np.full_like(spread, seeds - 1.0), where=spread > 0)


def prior_df(per_seed: np.ndarray, rounds: np.ndarray) -> float:
    """How far policies' variances agree: degrees of freedom that the pooled variance is worth.

    Large where the policies' own variances differ no more than chance makes them, small where some policy's
    runs truly vary more than others'.

    Args:
        per_seed: float64 [S, P, R], S >= 2.
        rounds: float64 [R], the linear functional of a curve by which variances are compared.

    Returns:
        From about 0 to a million; 0 where fewer than two policies vary at all.

    Source: Smyth 2004 (doi 10.2202/1544-6115.1027), section 6.2: the moments of log variances.
    """
    seeds = len(per_seed)
    variances = ((_residuals(per_seed) @ rounds) ** 2).sum(axis=0) / (seeds - 1)
    variances = variances[variances > 0]
    if len(variances) < 2:
        return 0.0
    excess = np.log(variances).var(ddof=1) - polygamma(1, (seeds - 1) / 2)
    if excess <= polygamma(1, _KNOWN / 2):
        return _KNOWN
    return float(2 * brentq(lambda half: polygamma(1, half) - excess, 1e-3, _KNOWN))


def _residuals(per_seed: np.ndarray) -> np.ndarray:
    """What is left of [S, P, R] without the means of seeds and of policies."""
    by_seed, by_policy = per_seed.mean(axis=1, keepdims=True), per_seed.mean(axis=0, keepdims=True)
    left: np.ndarray = per_seed - by_seed - by_policy + per_seed.mean(axis=(0, 1), keepdims=True)
    return left
