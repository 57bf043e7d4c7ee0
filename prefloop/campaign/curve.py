"""Learning curve of a campaign, from its audit slice alone: the score of unseen pairs over the number of labels.

The expected score of a model of n labelled pairs is L(n) = a + b (1 - (n / 100)^-c) / c: it rises by b for each
e-fold of labels at first and saturates at a + b / c. A single score is a vote's luck for the most part. What the
model itself expects of a pair, p log p + (1 - p) log(1 - p), has far less of it, and is the score but for what the
model is wrong about itself. So b is the sum of two slopes: of the expected scores, and of the surprise, the score
less the expected one. Both have a prior from curves recorded on other data, as c has; a has none. How sure a model
is also differs from round to round by the luck of its training, which the score hardly feels: expected score and
surprise have this noise with opposite signs. Each replicate weighs the prompts anew and draws its own priors and
noise: where the slice says little the replicates are the priors', where it says much they are the data's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.campaign.audited import Audited
from prefloop.rng import Stream, generator

# Labelled pairs at which the score is a, and its slope over log n is b.
REFERENCE = 100
# With fewer prompts than this, what differs from prompt to prompt cannot be told from them.
FEWEST_PROMPTS = 10
# Replicates; fewer where so many pairs make each of them slow. As many numbers are drawn at a time.
_REPLICATES, _FEWER, _MANY, _AT_ONCE = 1000, 200, 20_000, 2_000_000


@dataclass(frozen=True)
class Prior:
    """What curves of other data say of a curve's shape. Source: benchmarks/stopping.py, docs/maths.md.

    Attributes:
        expected: mean and standard deviation of the slope of the scores that models expect of themselves, nats.
        surprise: the same of what is added to it.
        exponent: least and greatest c, all alike likely in between, on a logarithmic scale.
        sureness: standard deviation between models of the score that they expect, as a share of its distance from
            a coin toss.
    """

    expected: tuple[float, float]
    surprise: tuple[float, float]
    exponent: tuple[float, float]
    sureness: float


PRIOR = Prior(expected=(0.025, 0.03), surprise=(0.005, 0.015), exponent=(0.1, 1.0), sureness=0.18)


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, replicates: np.ndarray, confidence: float) -> Estimate:
        """Mean and central interval of replicates."""
        tail = (1 - confidence) / 2
        low, high = np.quantile(replicates, [tail, 1 - tail])
        return cls(float(replicates.mean()), float(low), float(high))


@dataclass(frozen=True)
class Curve:
    """Replicates of a fitted curve.

    Attributes:
        level, slope, exponent: float64 [k], a, b >= 0 and c > 0 of each.
    """

    level: np.ndarray
    slope: np.ndarray
    exponent: np.ndarray

    def at(self, n_labels: float) -> np.ndarray:
        """Score of a model of so many labelled pairs, at least one; nats, float64 [k]."""
        values: np.ndarray = self.level + self.slope * _shape(n_labels, self.exponent)
        return values

    def gain(self, n_labels: float, further: float) -> np.ndarray:
        """What so many further labelled pairs add to the score, float64 [k], never negative."""
        return self.at(n_labels + further) - self.at(n_labels)


def fit_curve(audit: Audited, seed: int, prior: Prior = PRIOR) -> Curve:
    """Fit the curve to the scores of an audit slice.

    Args:
        audit: pairs that a trained model predicted, at least one.
        seed: the campaign's.
        prior: of the curve's shape.

    Source: Cortes et al. 1994 and Figueroa et al. 2012 (doi 10.1186/1472-6947-12-8), power laws; Rubin 1981, the
        prompts' weights; Bardsley et al. 2014 (doi 10.1137/140964023), replicates of both data and prior.
    """
    rng = generator(seed, 0, Stream.BOOTSTRAP)
    levels, level = np.unique(np.maximum(audit.n_labels, 1), return_inverse=True)
    parts = np.stack([audit.expected, audit.scores - audit.expected])
    replicates = _REPLICATES if len(audit) <= _MANY else _FEWER
    weight, totals = _resampled(draws_of(audit.prompt), parts, level, replicates, rng)
    low, high = np.log(prior.exponent)
    exponent = np.exp(rng.uniform(low, high, replicates))
    shape = _shape(levels, exponent[:, None])
    luck = prior.sureness * (float(audit.expected.mean()) + np.log(2))
    lucky = rng.normal(0, luck, weight.shape)
    slope = np.zeros(replicates)
    for sign, values, total, of_slope in zip(
        (1, -1), parts, totals, (prior.expected, prior.surprise), strict=True
    ):
        variance = luck**2 + _noise(values, audit.prompt, level) / weight
        slope += _slope(total / weight + sign * lucky, variance, shape, of_slope, rng)
    slope = np.maximum(slope, 0.0)
    count = weight.sum(axis=1)
    middle = (weight * shape).sum(axis=1) / count
    return Curve(totals.sum(axis=(0, 2)) / count - slope * middle, slope, exponent)


def draws_of(prompt: np.ndarray) -> np.ndarray:
    """Number of the draw that each pair belongs to, int64 [n]: its prompt, with few prompts the pair itself."""
    return prompt if len(np.unique(prompt)) >= FEWEST_PROMPTS else np.arange(len(prompt))


def _slope(
    mean: np.ndarray,
    variance: np.ndarray,
    shape: np.ndarray,
    prior: tuple[float, float],
    rng: np.random.Generator,
) -> np.ndarray:
    """Slope of the means of levels on the shape, each of its own variance, [k, levels] all; float64 [k]."""
    precise = 1 / variance
    apart = shape - (precise * shape).sum(axis=1, keepdims=True) / precise.sum(axis=1, keepdims=True)
    doubt = prior[1] ** 2
    told = rng.normal(*prior, len(mean)) / doubt + (precise * apart * mean).sum(axis=1)
    values: np.ndarray = told / (1 / doubt + (precise * apart**2).sum(axis=1))
    return values


def _shape(n_labels: np.ndarray | float, exponent: np.ndarray) -> np.ndarray:
    values: np.ndarray = -np.expm1(-exponent * np.log(np.asarray(n_labels) / REFERENCE)) / exponent
    return values


def _resampled(
    draw: np.ndarray, parts: np.ndarray, level: np.ndarray, replicates: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Replicates in which draws weigh at random.

    Returns:
        float64 [k, levels], weights of the pairs by level, and [2, k, levels], weighted sums of `parts` [2, n].
    """
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(level.max() + 1))
    weights, totals = [], []
    at_once = max(1, min(replicates, _AT_ONCE // len(draw)))
    for first in range(0, replicates, at_once):
        count = min(at_once, replicates - first)
        weight = rng.standard_exponential((count, int(draw.max()) + 1))[:, draw[order]]
        weights.append(np.add.reduceat(weight, starts, axis=1))
        totals.append(np.add.reduceat(weight * parts[:, None, order], starts, axis=2))
    return np.concatenate(weights), np.concatenate(totals, axis=1)


def _noise(values: np.ndarray, prompt: np.ndarray, level: np.ndarray) -> float:
    """Variance of a value about its level's mean, larger where those of a prompt go together; nats squared."""
    count = np.bincount(level)
    rest = values - (np.bincount(level, weights=values) / count)[level]
    free = max(len(values) - len(count), 1)
    by_prompt = np.bincount(prompt, weights=rest)
    return max(float((rest**2).sum()), float((by_prompt**2).sum()), 1e-6) / free
