"""Label efficiency: how many times as far a label goes by one policy as by another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from prefloop.report.savings import auc_weights

# Efficiencies from 1/8 to 8, 2^(1/16) apart: 4 % between neighbours, with linear interpolation.
_OCTAVES = 3
_STEPS = 16


@dataclass(frozen=True)
class Efficiency:
    """A label-efficiency factor with its interval.

    Attributes:
        value: the factor f.
        low, high: its bounds.
        beyond: the estimate lies at the end of what the data can show: the factor is more extreme.
        open_low, open_high: the same of the bounds.
    """

    value: float
    low: float
    high: float
    beyond: bool
    open_low: bool
    open_high: bool


# Takes round weights of the policy and of the baseline, both [C, R]; gives the contrasts' values and half the
# widths of their intervals, each [C].
Tested = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def shifted_weights(n_labels: np.ndarray, start: float, factors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Round weights of D(f) = mean over t of m(t) - g(start + f (t - start)).

    m is the policy's curve, g the baseline's, both linear between rounds. The mean is over all t at which
    both are known, by the exact integral. D is linear in both curves and D(1) is the difference of their
    normalised AUCs.

    Args:
        n_labels: [R], ascending, none below `start`.
        start: labels that both share, t0.
        factors: [C], of `factors_of`.

    Returns:
        Weights of the policy's and of the baseline's rounds, both float64 [C, R].
    """
    t = np.asarray(n_labels, np.float64) - start
    policy_weights, base = np.zeros((len(factors), len(t))), np.zeros((len(factors), len(t)))
    for row, factor in enumerate(factors):
        low = t[0] * max(1.0, 1 / factor)
        high = max(low, t[-1] * min(1.0, 1 / factor))
        knots = np.unique(np.clip(np.concatenate([t, t / factor]), low, high))
        weights = auc_weights(knots)
        policy_weights[row] = weights @ _interpolation(knots, t)
        base[row] = weights @ _interpolation(np.clip(knots * factor, t[0], t[-1]), t)
    return policy_weights, base


def factors_of(n_labels: np.ndarray, start: float) -> np.ndarray:
    """The grid of factors that these labels can tell anything about, 1 among them, ascending."""
    grid = 2.0 ** (np.arange(-_OCTAVES * _STEPS, _OCTAVES * _STEPS + 1) / _STEPS)
    first, last = float(n_labels[0]) - start, float(n_labels[-1]) - start
    reach = last / first if first > 0 else np.inf
    return grid[(grid <= reach) & (1 / grid <= reach)] if last > 0 else np.ones(1)


def efficiency(n_labels: np.ndarray, start: float, tested: Tested) -> Efficiency:
    """Estimate f in m(t) = g(start + f (t - start)), with all f that a test does not reject.

    The estimate is the root of D nearest to 1 on the side that D(1) points to, so it exceeds 1 exactly where
    the normalised AUC exceeds the baseline's. The interval holds the f about it at which D(f) can't be told
    from 0, and f = 1 exactly where D(1) can't: it excludes 1 exactly when the test of the normalised AUCs rejects.

    Args:
        n_labels: [R], ascending.
        start: labels that both policies share.
        tested: the two-way test of a contrast.
    """
    factors, policy_weights, base = _grid(tuple(float(n) for n in n_labels), start)
    value, half = tested(policy_weights, base)
    x, one = np.log(factors), int(np.flatnonzero(factors == 1.0)[0])
    sign = np.sign(value[one])
    root, beyond = (0.0, False) if sign == 0 else _root(x, sign * value, one, int(sign))
    excess = np.abs(value) - half
    # D is 0 at a root; where none was found the end of the grid may be rejected itself.
    inside = float(np.interp(root, x, excess if beyond else -half))
    low, open_low = _bound(x, excess, root, inside, -1)
    high, open_high = _bound(x, excess, root, inside, 1)
    if excess[one] <= 0:
        low, high = min(low, 0.0), max(high, 0.0)
    return Efficiency(
        value=float(np.exp(root)),
        low=float(np.exp(low)),
        high=float(np.exp(high)),
        beyond=beyond,
        open_low=open_low,
        open_high=open_high,
    )


@cache
def _grid(n_labels: tuple[float, ...], start: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors and weights of one grid of labels, which all policies and baselines share."""
    factors = factors_of(np.array(n_labels), start)
    arrays = (factors, *shifted_weights(np.array(n_labels), start, factors))
    for array in arrays:
        array.flags.writeable = False
    return arrays


def _root(x: np.ndarray, value: np.ndarray, one: int, step: int) -> tuple[float, bool]:
    """Where `value`, positive at `one`, first falls to 0 going by `step`; else the end of the grid."""
    at = one
    while 0 <= at + step < len(x):
        if value[at + step] <= 0:
            share = value[at] / (value[at] - value[at + step])
            return float(x[at] + share * (x[at + step] - x[at])), False
        at += step
    return float(x[at]), True


def _bound(x: np.ndarray, excess: np.ndarray, root: float, inside: float, step: int) -> tuple[float, bool]:
    """Where the test first rejects going from the root by `step`; else the end of the grid."""
    before = root
    for at in np.argsort(step * x):
        if step * (x[at] - root) <= 0:
            continue
        if inside >= 0:
            return before, False
        if excess[at] > 0:
            share = -inside / (excess[at] - inside)
            return float(before + share * (x[at] - before)), False
        before, inside = float(x[at]), float(excess[at])
    return before, True


def _interpolation(at: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Matrix [K, R] of linear interpolation: values at `at` of a curve known on `grid`."""
    if len(grid) == 1:
        return np.ones((len(at), 1))
    right = np.clip(np.searchsorted(grid, at), 1, len(grid) - 1)
    share = (at - grid[right - 1]) / (grid[right] - grid[right - 1])
    matrix = np.zeros((len(at), len(grid)))
    matrix[np.arange(len(at)), right - 1] = 1 - share
    matrix[np.arange(len(at)), right] += share
    return matrix
