"""Label savings and areas of learning curves: pure functions on arrays [..., R]."""

from __future__ import annotations

import numpy as np

from prefloop.report.numbers import Difference, Saving


def envelope(curves: np.ndarray) -> np.ndarray:
    """Monotone envelope of curves [..., R]: the best value so far."""
    best: np.ndarray = np.maximum.accumulate(curves, axis=-1)
    return best


def labels_to_reach(curves: np.ndarray, n_labels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Labels at which the monotone envelope reaches a target, by linear interpolation between rounds.

    The envelope of a noisy curve lies above its expectation, so this is biased low: the more, the
    noisier the curve is against its rise from one round to the next. `saving` therefore takes its
    interval from elsewhere.

    Args:
        curves: float64 [..., R], higher is better.
        n_labels: [R], ascending.
        target: float64 [...].

    Returns:
        float64 [...]; infinity where the target is never reached.
    """
    best = envelope(curves)
    reached = best >= target[..., None]
    after = reached.argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    low, high = (np.take_along_axis(best, r[..., None], axis=-1)[..., 0] for r in (before, after))
    inside = high > low
    share = np.where(inside, (target - low) / np.where(inside, high - low, 1.0), 0.0)
    labels = np.asarray(n_labels, np.float64)
    needed = labels[before] + share * (labels[after] - labels[before])
    return np.where(reached.any(axis=-1), np.where(after == 0, labels[0], needed), np.inf)


def area(curves: np.ndarray, n_labels: np.ndarray) -> np.ndarray:
    """Mean height of curves [..., R]: area by the trapezoid rule over the range of labels, nats."""
    labels = np.asarray(n_labels, np.float64)
    if len(labels) == 1:
        return curves[..., 0]
    heights: np.ndarray = np.trapezoid(curves, labels, axis=-1) / (labels[-1] - labels[0])
    return heights


def saving(needed: float, gaps: np.ndarray, n_labels: np.ndarray, confidence: float) -> Saving:
    """Turn labels needed into the fraction saved, with its interval.

    The interval inverts a test round by round: a number of labels belongs to it if the policy's
    value there and the target can't be told apart. Its lower bound is where the gap's lower
    quantile first reaches zero, its upper bound where the upper quantile does. Unlike quantiles of
    the crossing itself, this does not inherit the envelope's bias: two equal random streams show
    an interval that covers zero about as often as `confidence` says (tested by simulation).

    Args:
        needed: labels to the target, infinity for never.
        gaps: float64 [B, R], of each bootstrap replicate, the policy's value minus the reference's
            last value in the same replicate.
        n_labels: [R], ascending; the last is what the reference used in all.
        confidence: coverage of the interval.

    Returns:
        The saving; "never" is ordered below every number.
    """
    budget = float(n_labels[-1])
    quantiles = np.quantile(gaps, [(1 - confidence) / 2, (1 + confidence) / 2], axis=0)
    low, high = 1 - labels_to_reach(quantiles, n_labels, np.zeros(2)) / budget
    return Saving(
        labels_to_target=_number(needed),
        never=bool(np.isinf(needed)),
        saved=_number(1 - needed / budget),
        saved_low=_number(float(low)),
        saved_high=_number(float(high)),
        never_share=float((gaps.max(axis=1) < 0).mean()),
    )


def difference(value: float, reference: float, replicates: np.ndarray, confidence: float) -> Difference:
    """Pair a number with its difference from the reference's and the difference's percentile interval.

    Args:
        value, reference: the policy's number and the reference's.
        replicates: float64 [B], differences of the bootstrap replicates.
        confidence: coverage of the interval.
    """
    low, high = np.quantile(replicates, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Difference(value=value, difference=value - reference, low=float(low), high=float(high))


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
