"""Mean curves, and linear contrasts of them with intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import stdtrit

from prefloop.report.numbers import Difference, Estimate, Verdict
from prefloop.report.savings import auc_weights
from prefloop.report.scores import Scores
from prefloop.report.variance import Linear, Units, contrast, units_of


@dataclass(frozen=True)
class Curves:
    """Mean curves of one metric on one split.

    Attributes:
        mean: float64 [P, R].
        n_labels: [R], ascending.
        start: labels that all policies share, at most n_labels[0]; efficiency counts from there.
        units: what seeds and prompts contribute.
        bounds: least and largest value there is, infinite where there is none.
        level: 1 - the coverage of an interval.
    """

    mean: np.ndarray
    n_labels: np.ndarray
    start: float
    units: Units
    bounds: tuple[float, float]
    level: float

    def at_level(self, level: float) -> Curves:
        """The same curves with intervals of another level, for instance a simultaneous one."""
        return replace(self, level=level)

    @property
    def auc_weights(self) -> np.ndarray:
        """Round weights [R] of the normalised AUC (the area under a curve over the range of labels)."""
        return auc_weights(self.n_labels)

    def only(self, round_: int) -> np.ndarray:
        """Round weights [R] of the value after one round."""
        return np.eye(len(self.n_labels))[round_]

    def test(self, weights: np.ndarray) -> Linear:
        """Contrasts with coefficients [C, P, R]."""
        return contrast(self.units, weights)


def curves_of(
    scores: Scores, n_labels: np.ndarray, start: float, confidence: float, bounds: tuple[float, float]
) -> Curves:
    """Mean curves of all runs.

    Args:
        scores: of all runs.
        n_labels: [R], ascending.
        start: labels that all policies share.
        confidence: coverage of the intervals.
        bounds: least and largest value there is.
    """
    units = units_of(scores, auc_weights(n_labels))
    return Curves(scores.mean(), np.asarray(n_labels), start, units, bounds, 1 - confidence)


def half_widths(linear: Linear, level: float) -> np.ndarray:
    """Half the width of Student's intervals [C]; NaN where the variance is."""
    widths: np.ndarray = -stdtrit(linear.df, level / 2) * np.sqrt(linear.variance)
    return widths


def paired(curves: Curves, policy_streams: np.ndarray, base: np.ndarray, rounds: np.ndarray) -> Difference:
    """One policy's number with its difference from a baseline's.

    Args:
        curves: of all runs.
        policy_streams, base: float64 [P], which streams are averaged for the policy and for the baseline.
        rounds: float64 [R], weights that sum to 1: `curves.auc_weights`, `curves.only(-1)`.
    """
    return _difference(curves, np.outer(policy_streams, rounds), np.outer(base, rounds))


def paired_by_round(curves: Curves, policy_streams: np.ndarray, base: np.ndarray) -> list[Difference]:
    """The same after every round."""
    return [paired(curves, policy_streams, base, curves.only(r)) for r in range(len(curves.n_labels))]


def rise(curves: Curves, policy_streams: np.ndarray) -> Difference:
    """One policy's number at the end with its difference from the one at the beginning."""
    return _difference(curves, np.outer(policy_streams, curves.only(-1)), np.outer(policy_streams, curves.only(0)))


def value_at(curves: Curves, policy_streams: np.ndarray, rounds: np.ndarray) -> Estimate:
    """One policy's number by itself, with its interval."""
    linear = curves.test(np.outer(policy_streams, rounds)[None])
    low, high = _interval(linear, curves.level, curves.bounds)
    return Estimate(value=float(linear.value[0]), low=low, high=high)


def covered(seeds: int, prompts: int) -> list[str]:
    """What intervals account for: the sources of which there is more than one."""
    return [source for source, count in {"seeds": seeds, "test prompts": prompts}.items() if count > 1]


def significant(difference: Difference) -> bool:
    """Whether the interval of a difference is known and excludes zero."""
    return (
        difference.low is not None and difference.high is not None and (difference.low > 0 or difference.high < 0)
    )


def verdict(difference: Difference) -> Verdict:
    """What the interval of a difference says, where more is better."""
    if difference.low is None or difference.high is None:
        return "cannot tell"
    if difference.low > 0:
        return "better"
    return "worse" if difference.high < 0 else "no difference"


def _difference(curves: Curves, policy_weights: np.ndarray, base: np.ndarray) -> Difference:
    linear = curves.test((policy_weights - base)[None])
    width = curves.bounds[1] - curves.bounds[0]
    low, high = _interval(linear, curves.level, (-width, width))
    value = float((policy_weights * curves.mean).sum())
    return Difference(value=value, difference=float(linear.value[0]), low=low, high=high)


def _interval(linear: Linear, level: float, bounds: tuple[float, float]) -> tuple[float | None, float | None]:
    half = float(half_widths(linear, level)[0])
    if np.isnan(half):
        return None, None
    value = float(linear.value[0])
    return max(value - half, bounds[0]), min(value + half, bounds[1])
