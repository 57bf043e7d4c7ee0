"""Bayesian logistic regression on differences of features, without a bias: mode, evidence, best prior.

All labels say "the first was preferred", so a label is one row z = phi(winner) - phi(loser) and its likelihood
is sigma(z . eta), to the power of the label's weight. Everything is float64 and exact but for Laplace's
approximation itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from prefloop.errors import StateError

Tensor = torch.Tensor

# Squared distance to the mode, in posterior standard deviations, from which one more step ends the search: that
# step squares the distance once more.
_LOOSE, _EXACT = 1e-8, 1e-14
_MOST_STEPS = 200
_SCANNED = 5
_LOG_TOLERANCE = 0.05


@dataclass(frozen=True)
class Posterior:
    """Laplace's approximation N(mode, H^-1) under one prior N(0, I / alpha).

    Attributes:
        alpha: the prior's precision.
        mode: float64 [k], most probable weights.
        factor: float64 [k, k], lower Cholesky factor of H = alpha I + sum_i w_i p_i (1 - p_i) z_i z_i^T.
        log_evidence: Laplace's log marginal likelihood of the labels, nats.
        steps: Newton steps that led to it.
    """

    alpha: float
    mode: Tensor
    factor: Tensor
    log_evidence: float
    steps: int


def posterior(differences: Tensor, weight: Tensor, alpha: float, start: Tensor, near: float = _EXACT) -> Posterior:
    """Find the mode by Newton's steps, and the curvature there.

    A step is halved until it lowers the objective by a quarter of what it promises, but not below log(1 + d) / d
    of its length, d the largest change of a logit: so much is always safe.

    Args:
        differences: float64 [n, k], winner minus loser.
        weight: float64 [n], what each label counts: its likelihood to this power.
        alpha: the prior's precision, > 0.
        start: float64 [k], where the search begins; the mode does not depend on it.
        near: squared distance to the mode, in posterior standard deviations, before the last step.

    Raises:
        StateError: no mode was found; numbers that are not finite.

    Source: MacKay 1992 (The evidence framework applied to classification networks); the safe length from Sun
    & Tran-Dinh 2019 (arXiv 1703.04599), generalised self-concordance of order 2.
    """
    found = _search(differences, weight, alpha, start, near)
    if found is None and bool(start.any()):
        # From far away a search may take ever shorter steps where every label is explained: begin where none is.
        found = _search(differences, weight, alpha, torch.zeros_like(start), near)
    if found is None:
        raise StateError(f"reward.laplace: no most probable weights after {_MOST_STEPS} steps: check the features")
    return found


def _search(differences: Tensor, weight: Tensor, alpha: float, start: Tensor, near: float) -> Posterior | None:
    """Newton's steps from a start; None where they do not arrive."""
    mode, value = start, _minus_log_joint(differences, weight, alpha, start)
    for steps in range(1, _MOST_STEPS + 1):
        gradient, factor = _slope(differences, weight, alpha, mode)
        step = torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        squared = float(gradient @ step)
        if squared <= near:
            mode = mode - step
            return Posterior(alpha, mode, factor, _log_evidence(differences, weight, alpha, mode, factor), steps)
        length, value = _length(differences, weight, alpha, mode, step, squared, value)
        mode = mode - length * step
    return None


def best_posterior(differences: Tensor, weight: Tensor, low: float, high: float) -> Posterior:
    """The posterior under the prior with the greatest evidence.

    A coarse scan of log alpha finds the highest hill, a bounded search its top. Evidence may have no maximum
    inside: labels that nothing explains ask for weights of zero, whence the bounds.

    Args:
        differences: float64 [n, k].
        weight: float64 [n], as for `posterior`.
        low, high: bounds of alpha, 0 < low <= high; the scan starts from `high`, where weights are small.

    Raises:
        StateError: as `posterior`.

    Source: MacKay 1992, with the maximum searched for, instead of his fixed point, which leaves out how the
    curvature changes with alpha.
    """
    places = np.linspace(np.log(high), np.log(low), _SCANNED) if low < high else np.log([high])
    start, posteriors = differences.new_zeros(differences.shape[1]), []
    for place in places:
        posteriors.append(posterior(differences, weight, math.exp(place), start, _LOOSE))
        start = posteriors[-1].mode
    top = int(np.argmax([one.log_evidence for one in posteriors]))
    start = posteriors[top].mode

    def loss(log_alpha: float) -> float:
        posteriors.append(posterior(differences, weight, math.exp(log_alpha), start, _LOOSE))
        return -posteriors[-1].log_evidence

    if low < high:
        bounds = places[min(top + 1, _SCANNED - 1)], places[max(top - 1, 0)]
        minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _LOG_TOLERANCE})
    best = max(posteriors, key=lambda one: one.log_evidence)
    exact = posterior(differences, weight, best.alpha, best.mode)
    return replace(exact, steps=sum(one.steps for one in posteriors) + exact.steps)


def _slope(differences: Tensor, weight: Tensor, alpha: float, mode: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient [k] of minus the log posterior, and the Cholesky factor [k, k] of its Hessian."""
    logits = differences @ mode
    gradient = alpha * mode - differences.T @ (weight * torch.sigmoid(-logits))
    weighted = differences * (weight * torch.sigmoid(logits) * torch.sigmoid(-logits)).sqrt()[:, None]
    curvature = weighted.T @ weighted
    curvature.diagonal().add_(alpha)
    factor, failed = torch.linalg.cholesky_ex(curvature)
    if failed.item() or not torch.isfinite(gradient).all():
        raise StateError("reward.laplace: numbers that are not finite, or too large: check the features")
    return gradient, factor.contiguous()


def _length(
    differences: Tensor, weight: Tensor, alpha: float, mode: Tensor, step: Tensor, squared: float, value: float
) -> tuple[float, float]:
    """Share of a step to take, and the objective behind it."""
    reach = float((differences @ step).abs().max())
    length, safe = 1.0, math.log1p(reach) / reach if reach > 0 else 1.0
    while True:
        lowered = _minus_log_joint(differences, weight, alpha, mode - length * step)
        if lowered <= value - length * squared / 4 or length <= safe:
            return length, lowered
        length = max(length / 2, safe)


def _log_evidence(differences: Tensor, weight: Tensor, alpha: float, mode: Tensor, factor: Tensor) -> float:
    """sum w log sigma(z . eta) - alpha |eta|^2 / 2 + (k / 2) log alpha - log det(H) / 2."""
    volume = len(mode) * math.log(alpha) / 2 - float(factor.diagonal().log().sum())
    return volume - _minus_log_joint(differences, weight, alpha, mode)


def _minus_log_joint(differences: Tensor, weight: Tensor, alpha: float, mode: Tensor) -> float:
    """-sum w log sigma(z . eta) + alpha |eta|^2 / 2."""
    loss = torch.nn.functional.softplus(-(differences @ mode), threshold=1e3)
    return float((weight * loss).sum() + alpha * (mode @ mode) / 2)
