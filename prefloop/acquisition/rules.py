"""Pair rules without Thompson draws: each picks one ordered free pair (i, j) per prompt.

mu and sigma are a response's mean reward and its unbiased standard deviation over members, l and u
its bounds mu -+ beta sigma, s the logistic function. "Every other" response means those it may still
be compared with. Equal candidates are equally likely. Rules return positions int64 [G] in `free`.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from prefloop.acquisition.slate import Slate
from prefloop.config import pair_rules as params


def random(slate: Slate, config: object) -> np.ndarray:
    """Two different responses, uniformly among the pairs that are left.

    Source: Melikidze et al. 2026 (ActiveUltraFeedback, arXiv 2603.09692), random.
    """
    return _largest(slate, np.zeros(len(slate.free.first)))


def longest(slate: Slate, config: params.Longest) -> np.ndarray:
    """The longest text against the shortest: argmax of length_i - length_j.

    Source: a baseline without a model, for judges that like length.
    """
    return _gap(slate, slate.characters(), slate.characters())


def maxmin(slate: Slate, config: params.Maxmin) -> np.ndarray:
    """Best against worst by the judge's scores. Oracle ceiling: costs a judgement of every response.

    Source: Melikidze et al. 2026, MaxMin.
    """
    scores = slate.judge()
    return _gap(slate, scores, scores)


def fixed_pair(slate: Slate, config: params.FixedPair) -> np.ndarray:
    """A globally strong model's response against a globally weak one's: argmax of strength_i - strength_j.

    With names, `strong` models have strength 1, `weak` ones -1, others 0. Without, a model's strength
    is the mean of mu over all its responses in the pool.

    Source: Melikidze et al. 2026, DeltaQwen, for any pair of models.
    """
    strength = slate.strength()
    return _gap(slate, strength, strength)


def ultrafeedback(slate: Slate, config: params.Ultrafeedback) -> np.ndarray:
    """Of `sample` random responses, the best by mu against a random other one of them.

    Source: Cui et al. 2024 (UltraFeedback), as in Melikidze et al. 2026, with mu for the judge.
    """
    free, prompts = slate.free, slate.by_prompt
    order = slate.order(slate.noise(0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - prompts.spread(prompts.starts)
    drawn = rank < config.sample
    both = drawn[free.first] & drawn[free.second]
    # All pairs of the sample are taken: any pair that is left.
    both |= free.by_prompt.spread(~np.logical_or.reduceat(both, free.by_prompt.starts))
    return _largest(slate, np.where(both, slate.mean[free.first], -np.inf))


def infomax(slate: Slate, config: params.Infomax) -> np.ndarray:
    """The widest interval of the win probability: argmax of s(u_i - l_j) - s(l_i - u_j).

    Source: Melikidze et al. 2026, InfoMax.
    """
    return _largest(slate, interval(slate, config.beta, slate.free.first, slate.free.second))


def maxminlcb(slate: Slate, config: params.Maxminlcb) -> np.ndarray:
    """L_ij = mu_i - mu_j - beta (sigma_i + sigma_j); i = argmax_i min_j L_ij, j = argmin_j L_ij.

    Source: Pasztor et al. 2024 (arXiv 2406.16745, MaxMinLCB), as in Melikidze et al. 2026.
    """
    free = slate.free
    i, j = free.first, free.second
    lower = slate.mean[i] - slate.mean[j] - config.beta * (slate.deviation[i] + slate.deviation[j])
    best = free.of_prompt.largest(free.by_first.min(lower), slate.uniform(0))
    pairs, runs = free.by_first.some(best)
    return pairs[runs.largest(-lower[pairs], slate.uniform(1))]


def rucb(slate: Slate, config: params.Rucb) -> np.ndarray:
    """C = {k: u_k > l_j for every other j}; j uniform in C (in all, where C is empty), i = argmax of s(u_i - l_j).

    u_k > l_j says that the upper bound s(u_k - l_j) of beating j exceeds 1/2.

    Source: Zoghi et al. 2014 (arXiv 1312.3393), RUCB, as in Melikidze et al. 2026.
    """
    free = slate.free
    low, high = slate.bounds(config.beta)
    hopeful = free.by_first.min(high[free.first] - low[free.second]) > 0
    pairs, runs = free.by_first.some(free.of_prompt.largest(hopeful, slate.uniform(0)))
    return pairs[runs.largest(high[free.second[pairs]], slate.uniform(1))]


def deltaucb(slate: Slate, config: params.DeltaUCB) -> np.ndarray:
    """The largest optimistic gap: argmax of u_i - l_j.

    Source: Melikidze et al. 2026, DeltaUCB; here beta acts on the bounds.
    """
    low, high = slate.bounds(config.beta)
    return _gap(slate, high, low)


def deltaquantile(slate: Slate, config: params.DeltaQuantile) -> np.ndarray:
    """The gap u_i - l_j that has a share `quantile` of the ordered pairs above it; of equal gaps the largest u_i.

    Source: Melikidze et al. 2026, DeltaQuantile (0.05).
    """
    free = slate.free
    low, high = slate.bounds(config.beta)
    gaps = high[free.first] - low[free.second]
    # A touch more, so that 0.29 of 100 is 29, whatever binary fractions make of it.
    rank = np.floor(config.quantile * free.by_prompt.counts + 1e-9).astype(np.int64)
    chosen = gaps == free.by_prompt.spread(free.by_prompt.ranked(gaps, rank))
    return _largest(slate, np.where(chosen, high[free.first], -np.inf))


def greedy(slate: Slate, config: params.Greedy) -> np.ndarray:
    """Control, deltaucb with sigma = 0: argmax of mu_i - mu_j.

    Source: the ablation that shows what the uncertainty adds.
    """
    return _gap(slate, slate.mean, slate.mean)


def shuffled_sigma(slate: Slate, config: params.ShuffledSigma) -> np.ndarray:
    """Control, deltaucb with each prompt's sigmas dealt out among its responses at random.

    Source: the ablation that shows what the right uncertainty adds.
    """
    width = config.beta * slate.deviation[slate.order(slate.noise(0))]
    return _gap(slate, slate.mean + width, slate.mean - width)


def interval(slate: Slate, beta: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Width s(u_i - l_j) - s(l_i - u_j) of the win probability's interval, float64 [n]."""
    low, high = slate.bounds(beta)
    return expit(high[first] - low[second]) - expit(low[first] - high[second])


def _gap(slate: Slate, best: np.ndarray, worst: np.ndarray) -> np.ndarray:
    return _largest(slate, best[slate.free.first] - worst[slate.free.second])


def _largest(slate: Slate, values: np.ndarray) -> np.ndarray:
    return slate.free.by_prompt.largest(values, slate.uniform(0))
