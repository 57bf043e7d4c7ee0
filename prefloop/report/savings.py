"""Areas under learning curves and where they cross a target: pure functions on arrays [..., R]."""

from __future__ import annotations

import numpy as np


def envelope(curves: np.ndarray) -> np.ndarray:
    """Monotone envelope of curves [..., R]: the best value so far."""
    best: np.ndarray = np.maximum.accumulate(curves, axis=-1)
    return best


def labels_to_reach(curves: np.ndarray, n_labels: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Labels at which the monotone envelope reaches a target, by linear interpolation between rounds.

    The envelope of a noisy curve lies above its expectation, so this is biased low: the more, the
    noisier the curve is against its rise from one round to the next.

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


def auc_weights(n_labels: np.ndarray) -> np.ndarray:
    """Weights [R] of the normalised AUC: the trapezoid rule over the range of labels."""
    labels = np.asarray(n_labels, np.float64)
    weights = np.zeros(len(labels))
    if len(labels) == 1:
        return weights + 1
    steps = np.diff(labels) / (labels[-1] - labels[0])
    weights[:-1] += steps / 2
    weights[1:] += steps / 2
    return weights


def normalised_auc(curves: np.ndarray, n_labels: np.ndarray) -> np.ndarray:
    """Normalised AUC of curves [..., R]: area by the trapezoid rule over the range of labels, nats."""
    auc: np.ndarray = curves @ auc_weights(n_labels)
    return auc
