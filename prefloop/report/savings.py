"""Label savings and areas of learning curves: pure functions on arrays [..., R]."""

from __future__ import annotations

import numpy as np

from prefloop.report.results import Difference, Saving


def envelope(curves: np.ndarray) -> np.ndarray:
    """Monotone envelope of curves [..., R]: the best value so far."""
    best: np.ndarray = np.maximum.accumulate(curves, axis=-1)
    return best


def labels_to_reach(curves: np.ndarray, n_labels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Labels at which the monotone envelope reaches a target, by linear interpolation between rounds.

    The envelope of a noisy curve lies above its expectation, so this is biased low: the more, the
    noisier the curve is against its rise from one round to the next. A second random stream shows how
    much: where noise between rounds outweighs the rise, its saving leans above zero.

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


def saving(needed: float, replicates: np.ndarray, budget: float, confidence: float) -> Saving:
    """Turn labels needed into the fraction saved, with its percentile interval.

    Args:
        needed: labels to the target, infinity for never.
        replicates: float64 [B], the same for each bootstrap replicate, each with its own target.
        budget: labels the reference used in all.
        confidence: coverage of the interval.

    Returns:
        The saving; "never" is ordered below every number.
    """
    saved_B = 1 - replicates / budget
    low, high = (1 - confidence) / 2, (1 + confidence) / 2
    # Whole order statistics, outwards: a quantile between "never" and a number has no value.
    bounds = (np.quantile(saved_B, low, method="lower"), np.quantile(saved_B, high, method="higher"))
    return Saving(
        labels_to_target=_number(needed),
        never=bool(np.isinf(needed)),
        saved=_number(1 - needed / budget),
        saved_low=_number(float(bounds[0])),
        saved_high=_number(float(bounds[1])),
        never_share=float(np.isinf(replicates).mean()),
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
