"""Learning curve of a campaign, from its audit slice alone: the score of unseen pairs over the number of labels.

The expected score of a model of n labelled pairs is L(n) = a + b (1 - (n / 100)^-c) / c: it rises by b for each
e-fold of labels at first and saturates at a + b / c. Few pairs say little about b and c, so both have a prior,
from curves recorded on other data; a has none. Each replicate weighs the prompts anew and draws its own prior:
where the slice says little the replicates are the prior's, where it says much they are the data's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.campaign.audited import Audited
from prefloop.rng import Stream, generator

# Labelled pairs at which the score is a, and its slope over log n is b.
REFERENCE = 100
# Replicates; drawn so many at a time.
_REPLICATES, _AT_ONCE = 1000, 50


@dataclass(frozen=True)
class Prior:
    """What curves of other data say of a curve's shape. Source: benchmarks/stopping.py, docs/maths.md.

    Attributes:
        slope: mean and standard deviation of b, nats; below 0 is 0.
        exponent: least and greatest c, all alike likely in between, on a logarithmic scale.
    """

    slope: tuple[float, float]
    exponent: tuple[float, float]


PRIOR = Prior(slope=(0.03, 0.03), exponent=(0.1, 1.0))


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
    weight, total = _resampled(audit, level, len(levels), rng)
    low, high = np.log(prior.exponent)
    exponent = np.exp(rng.uniform(low, high, _REPLICATES))
    expected = rng.normal(*prior.slope, _REPLICATES)
    shape = _shape(levels, exponent[:, None])
    count = weight.sum(axis=1)
    mean, middle = total.sum(axis=1) / count, (weight * shape).sum(axis=1) / count
    apart = shape - middle[:, None]
    noise, doubt = _noise(audit, level), prior.slope[1] ** 2
    precision = 1 / doubt + (weight * apart**2).sum(axis=1) / noise
    slope = np.maximum((expected / doubt + (apart * total).sum(axis=1) / noise) / precision, 0.0)
    return Curve(mean - slope * middle, slope, exponent)


def _shape(n_labels: np.ndarray | float, exponent: np.ndarray) -> np.ndarray:
    values: np.ndarray = -np.expm1(-exponent * np.log(np.asarray(n_labels) / REFERENCE)) / exponent
    return values


def _resampled(
    audit: Audited, level: np.ndarray, levels: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and weighted scores by level, float64 [k, levels] each: in a replicate prompts weigh at random."""
    prompts, scores = audit.prompt.max() + 1, audit.scores
    order = np.argsort(level, kind="stable")
    starts = np.searchsorted(level[order], np.arange(levels))
    weights, totals = [], []
    for _ in range(0, _REPLICATES, _AT_ONCE):
        weight = rng.standard_exponential((_AT_ONCE, prompts))[:, audit.prompt[order]]
        weights.append(np.add.reduceat(weight, starts, axis=1))
        totals.append(np.add.reduceat(weight * scores[order], starts, axis=1))
    return np.concatenate(weights), np.concatenate(totals)


def _noise(audit: Audited, level: np.ndarray) -> float:
    """Variance of a score about its level's mean, larger where those of a prompt go together; nats squared."""
    count = np.bincount(level)
    means = np.bincount(level, weights=audit.scores) / count
    rest = audit.scores - means[level]
    free = max(len(audit) - len(count), 1)
    by_prompt = np.bincount(audit.prompt, weights=rest)
    return max(float((rest**2).sum()), float((by_prompt**2).sum()), 1e-6) / free
