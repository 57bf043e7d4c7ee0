"""Pair rules without Thompson draws: each picks one ordered free pair (i, j) per prompt.

mu and sigma are a response's mean reward and its unbiased standard deviation over members, l and u
its bounds mu -+ beta sigma, s the logistic function. "Every other" response means those it may still
be compared with. Equal candidates are equally likely. Rules return positions int64 [G] in `free`.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from scipy.special import expit

from prefloop.acquisition.responses import PairRule, ResponsesView
from prefloop.section import NonNegative, NoParameters, Section


class FixedPair(Section):
    """Parameters of `fixed_pair`."""

    strong: tuple[str, ...]
    weak: tuple[str, ...]

    @model_validator(mode="after")
    def _both_or_neither(self) -> FixedPair:
        if bool(self.strong) != bool(self.weak):
            raise ValueError("name both strong and weak models, or neither")
        if both := set(self.strong) & set(self.weak):
            raise ValueError(f"'{min(both)}' is named as strong and as weak")
        return self


class Ultrafeedback(Section):
    """Parameters of `ultrafeedback`."""

    sample: Annotated[int, Field(ge=2)]


class Bounds(Section):
    """Parameters of a rule with bounds mu -+ beta sigma."""

    beta: NonNegative


class DeltaQuantile(Bounds):
    """Parameters of `deltaquantile`."""

    quantile: Annotated[float, Field(ge=0, lt=1)]


def random(view: ResponsesView, config: NoParameters) -> np.ndarray:
    """Two different responses, uniformly among the pairs that are left.

    Source: Melikidze et al. 2026 (ActiveUltraFeedback, arXiv 2603.09692), random.
    """
    return _largest(view, np.zeros(len(view.free.first)))


def longest(view: ResponsesView, config: NoParameters) -> np.ndarray:
    """The longest text against the shortest: argmax of length_i - length_j.

    Source: a baseline without a model, for judges that like length.
    """
    return _gap(view, view.characters(), view.characters())


def maxmin(view: ResponsesView, config: NoParameters) -> np.ndarray:
    """Best against worst by the judge's scores. Oracle upper bound: costs a judgement of every response.

    Source: Melikidze et al. 2026, MaxMin.
    """
    scores = view.judge()
    return _gap(view, scores, scores)


def fixed_pair(view: ResponsesView, config: FixedPair) -> np.ndarray:
    """A globally strong model's response against a globally weak one's: argmax of strength_i - strength_j.

    With names, `strong` models have strength 1, `weak` ones -1, others 0. Without, a model's strength
    is the mean of mu over all its responses in the pool.

    Source: Melikidze et al. 2026, DeltaQwen, for any pair of models.
    """
    strength = view.strength()
    return _gap(view, strength, strength)


def ultrafeedback(view: ResponsesView, config: Ultrafeedback) -> np.ndarray:
    """Of `sample` random responses, the best by mu against a random other one of them.

    Source: Cui et al. 2024 (UltraFeedback), as in Melikidze et al. 2026, with mu for the judge.
    """
    free, prompts = view.free, view.by_prompt
    order = view.order(view.noise(0))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order)) - prompts.spread(prompts.starts)
    drawn = rank < config.sample
    both = drawn[free.first] & drawn[free.second]
    # All pairs of the sample are taken: any pair that is left.
    both |= free.by_prompt.spread(~np.logical_or.reduceat(both, free.by_prompt.starts))
    return _largest(view, np.where(both, view.mean[free.first], -np.inf))


def infomax(view: ResponsesView, config: Bounds) -> np.ndarray:
    """The widest interval of the win probability: argmax of s(u_i - l_j) - s(l_i - u_j).

    Source: Melikidze et al. 2026, InfoMax.
    """
    return _largest(view, interval(view, config.beta, view.free.first, view.free.second))


def maxminlcb(view: ResponsesView, config: Bounds) -> np.ndarray:
    """L_ij = mu_i - mu_j - beta (sigma_i + sigma_j); i = argmax_i min_j L_ij, j = argmin_j L_ij.

    Source: Pasztor et al. 2024 (arXiv 2406.16745, MaxMinLCB), as in Melikidze et al. 2026.
    """
    free = view.free
    i, j = free.first, free.second
    lower = view.mean[i] - view.mean[j] - config.beta * (view.deviation[i] + view.deviation[j])
    best = free.of_prompt.largest(free.by_first.min(lower), view.uniform(0))
    pairs, runs = free.by_first.some(best)
    return pairs[runs.largest(-lower[pairs], view.uniform(1))]


def rucb(view: ResponsesView, config: Bounds) -> np.ndarray:
    """C = {k: u_k > l_j for every other j}; j uniform in C (in all, where C is empty), i = argmax of s(u_i - l_j).

    u_k > l_j says that the upper bound s(u_k - l_j) of beating j exceeds 1/2.

    Source: Zoghi et al. 2014 (arXiv 1312.3393), RUCB, as in Melikidze et al. 2026.
    """
    free = view.free
    low, high = view.bounds(config.beta)
    hopeful = free.by_first.min(high[free.first] - low[free.second]) > 0
    pairs, runs = free.by_first.some(free.of_prompt.largest(hopeful, view.uniform(0)))
    return pairs[runs.largest(high[free.second[pairs]], view.uniform(1))]


def deltaucb(view: ResponsesView, config: Bounds) -> np.ndarray:
    """The largest optimistic gap: argmax of u_i - l_j.

    Source: Melikidze et al. 2026, DeltaUCB; here beta acts on the bounds.
    """
    low, high = view.bounds(config.beta)
    return _gap(view, high, low)


def deltaquantile(view: ResponsesView, config: DeltaQuantile) -> np.ndarray:
    """The gap u_i - l_j that has a share `quantile` of the ordered pairs above it; of equal gaps the largest u_i.

    Source: Melikidze et al. 2026, DeltaQuantile (0.05).
    """
    free = view.free
    low, high = view.bounds(config.beta)
    gaps = high[free.first] - low[free.second]
    # A touch more, so that 0.29 of 100 is 29, whatever binary fractions make of it.
    rank = np.floor(config.quantile * free.by_prompt.counts + 1e-9).astype(np.int64)
    chosen = gaps == free.by_prompt.spread(free.by_prompt.ranked(gaps, rank))
    return _largest(view, np.where(chosen, high[free.first], -np.inf))


def greedy(view: ResponsesView, config: NoParameters) -> np.ndarray:
    """Control, deltaucb with sigma = 0: argmax of mu_i - mu_j.

    Source: the ablation that shows what the uncertainty adds.
    """
    return _gap(view, view.mean, view.mean)


def shuffled_sigma(view: ResponsesView, config: Bounds) -> np.ndarray:
    """Control, deltaucb with each prompt's sigmas dealt out among its responses at random.

    Source: the ablation that shows what the right uncertainty adds.
    """
    width = config.beta * view.deviation[view.order(view.noise(0))]
    return _gap(view, view.mean + width, view.mean - width)


def interval(view: ResponsesView, beta: float, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Width s(u_i - l_j) - s(l_i - u_j) of the win probability's interval, float64 [n]."""
    low, high = view.bounds(beta)
    return expit(high[first] - low[second]) - expit(low[first] - high[second])


def _gap(view: ResponsesView, best: np.ndarray, worst: np.ndarray) -> np.ndarray:
    return _largest(view, best[view.free.first] - worst[view.free.second])


def _largest(view: ResponsesView, values: np.ndarray) -> np.ndarray:
    return view.free.by_prompt.largest(values, view.uniform(0))


# `given` and `auto` offer listed pairs as they are; where they must choose one, they choose at random.
RULES = {
    "auto": PairRule(random, NoParameters, by_chance=True),
    "given": PairRule(random, NoParameters, by_chance=True),
    "random": PairRule(random, NoParameters, by_chance=True),
    "longest": PairRule(longest, NoParameters),
    "maxmin": PairRule(maxmin, NoParameters, reads_judge=True),
    "fixed_pair": PairRule(fixed_pair, FixedPair),
    "ultrafeedback": PairRule(ultrafeedback, Ultrafeedback),
    "infomax": PairRule(infomax, Bounds),
    "maxminlcb": PairRule(maxminlcb, Bounds),
    "rucb": PairRule(rucb, Bounds),
    "deltaucb": PairRule(deltaucb, Bounds),
    "deltaquantile": PairRule(deltaquantile, DeltaQuantile),
    "greedy": PairRule(greedy, NoParameters),
    "shuffled_sigma": PairRule(shuffled_sigma, Bounds),
}
