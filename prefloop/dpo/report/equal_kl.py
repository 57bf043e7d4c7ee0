"""Win rate at equal KL divergence: what a policy learnt, apart from how far it moved."""

from __future__ import annotations

import numpy as np

from prefloop.dpo.report.results import EqualKl
from prefloop.report.bootstrap import Replicated, percentile_interval
from prefloop.report.numbers import Difference


def at_equal_kl(
    win: Replicated, kl: Replicated, row: np.ndarray, reference: np.ndarray, confidence: float
) -> EqualKl:
    """Compare win rates where both policies have moved equally far.

    Args:
        win, kl: mean paths of all policies from round 0 on, with the same replicates.
        row, reference: float64 [P], which streams are averaged for the policy and for the reference.
        confidence: coverage of the interval.

    Returns:
        Both at the reference's final KL, or at the policy's largest where that is less. Each replicate
        has its own.
    """
    target, value, base = _both(win.mean, kl.mean, row, reference)
    _, values, bases = _both(win.replicates, kl.replicates, row, reference)
    # Round 0 is 1/2 by definition and replicates of few prompts may leave the range: win rates do not.
    low, high = np.clip(percentile_interval(values - bases, confidence), -1.0, 1.0)
    win_ = Difference(value=float(value), difference=float(value - base), low=float(low), high=float(high))
    return EqualKl(kl=float(target), win=win_)


def _both(
    win: np.ndarray, kl: np.ndarray, row: np.ndarray, reference: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    kl_policy, kl_reference = (np.einsum("p,...pr->...r", weights, kl) for weights in (row, reference))
    win_policy, win_reference = (np.einsum("p,...pr->...r", weights, win) for weights in (row, reference))
    target = np.minimum(kl_reference[..., -1], kl_policy.max(axis=-1))
    return target, win_at(kl_policy, win_policy, target), win_at(kl_reference, win_reference, target)


def win_at(kl: np.ndarray, win: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Win rate where a path first reaches a KL divergence.

    Between rounds it is linear in the root of the KL divergence, as reward is for small ones.

    Args:
        kl: float64 [..., R], nats; the target is reached.
        win: float64 [..., R].
        target: float64 [...], nats.

    Returns:
        float64 [...].

    Source: Gao, Schulman and Hilton 2022 (arXiv 2210.10760), section 3: d = sqrt(KL), reward d (a - b d).
    """
    after = (kl >= target[..., None]).argmax(axis=-1)
    before = np.maximum(after - 1, 0)
    low, high = (_root(_pick(kl, at)) for at in (before, after))
    inside = after > 0  # then low < target <= high
    share = np.where(inside, (_root(target) - low) / np.where(inside, high - low, 1.0), 0.0)
    start = _pick(win, before)
    return start + share * (_pick(win, after) - start)


def _pick(path: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.take_along_axis(path, at[..., None], axis=-1)[..., 0]


def _root(kl: np.ndarray) -> np.ndarray:
    # An estimate of a small divergence may lie below zero: the root goes on there, ascending.
    return np.sign(kl) * np.sqrt(np.abs(kl))
