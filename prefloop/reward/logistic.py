"""Bayesian logistic regression on differences of features, without a bias: mode, evidence, best prior.

All labels say "the first was preferred", so a label is one row z = phi(winner) - phi(loser) and its likelihood
is sigma(z . eta). Everything is float64 and exact but for Laplace's approximation itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from torch.nn.functional import softplus

from prefloop.errors import StateError

Tensor = torch.Tensor

_SQUARED_DISTANCE = 1e-16
_MOST_STEPS = 200
_STARTS = 7
_LOG_TOLERANCE = 0.02


@dataclass(frozen=True)
class Posterior:
    """Laplace's approximation N(mode, H^-1) under one prior N(0, I / alpha).

    Attributes:
        alpha: the prior's precision.
        mode: float64 [k], most probable weights.
        factor: float64 [k, k], lower Cholesky factor of H = alpha I + sum_i p_i (1 - p_i) z_i z_i^T.
        log_evidence: Laplace's log marginal likelihood of the labels, nats.
        steps: Newton steps that led to the mode.
    """

    alpha: float
    mode: Tensor
    factor: Tensor
    log_evidence: float
    steps: int


def posterior(differences: Tensor, alpha: float, start: Tensor) -> Posterior:
    """Find the mode by damped Newton steps, and the curvature there.

    With d the largest change of a logit, a step is shortened to log(1 + d) / d of its length: the objective then
    falls from wherever it starts, and near the mode the step is a whole one.

    Args:
        differences: float64 [n, k], winner minus loser.
        alpha: the prior's precision, > 0.
        start: float64 [k], where the search begins; the mode does not depend on it.

    Raises:
        StateError: no mode was found; numbers that are not finite.

    Source: MacKay 1992 (The evidence framework applied to classification networks); the length of a step from
    Sun & Tran-Dinh 2019 (arXiv 1703.04599), generalised self-concordance of order 2.
    """
    mode = start
    for steps in range(1, _MOST_STEPS + 1):
        gradient, factor = _slope(differences, alpha, mode)
        step = torch.cholesky_solve(gradient[:, None], factor)[:, 0]
        squared, reach = float(gradient @ step), float((differences @ step).abs().max())
        mode = mode - step * (np.log1p(reach) / reach if reach > 0 else 1.0)
        # From 1e-8 of a posterior standard deviation to the mode, one step leads to the last bits of it.
        if squared <= _SQUARED_DISTANCE:
            return Posterior(alpha, mode, factor, _log_evidence(differences, alpha, mode, factor), steps)
    raise StateError(f"reward.laplace: no most probable weights after {_MOST_STEPS} steps: check the features")


def best_posterior(differences: Tensor, low: float, high: float) -> Posterior:
    """The posterior under the prior with the greatest evidence.

    A coarse scan of log alpha finds the highest hill, a bounded search its top. Evidence may have no maximum
    inside: labels that nothing explains ask for weights of zero, whence the bounds.

    Args:
        differences: float64 [n, k].
        low, high: bounds of alpha, 0 < low <= high; the scan starts from `high`, where weights are small.

    Raises:
        StateError: as `posterior`.

    Source: MacKay 1992, with the maximum searched for, instead of his fixed point, which leaves out how the
    curvature changes with alpha.
    """
    found = [posterior(differences, high, differences.new_zeros(differences.shape[1]))]
    if low == high:
        return found[0]
    places = np.linspace(np.log(high), np.log(low), _STARTS)
    for place in places[1:]:
        found.append(posterior(differences, float(np.exp(place)), found[-1].mode))
    top = int(np.argmax([one.log_evidence for one in found]))
    start = found[top].mode

    def loss(log_alpha: float) -> float:
        found.append(posterior(differences, float(np.exp(log_alpha)), start))
        return -found[-1].log_evidence

    bounds = places[min(top + 1, _STARTS - 1)], places[max(top - 1, 0)]
    minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": _LOG_TOLERANCE})
    return max(found, key=lambda one: one.log_evidence)


def _slope(differences: Tensor, alpha: float, mode: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient [k] of minus the log posterior, and the Cholesky factor [k, k] of its Hessian."""
    logits = differences @ mode
    gradient = alpha * mode - differences.T @ torch.sigmoid(-logits)
    weighted = differences * (torch.sigmoid(logits) * torch.sigmoid(-logits)).sqrt()[:, None]
    curvature = weighted.T @ weighted
    curvature.diagonal().add_(alpha)
    factor, failed = torch.linalg.cholesky_ex(curvature)
    if failed.item() or not torch.isfinite(gradient).all():
        raise StateError("reward.laplace: numbers that are not finite, or too large: check the features")
    return gradient, factor


def _log_evidence(differences: Tensor, alpha: float, mode: Tensor, factor: Tensor) -> float:
    """sum log sigma(z . eta) - alpha |eta|^2 / 2 + (k / 2) log alpha - log det(H) / 2."""
    likelihood = -softplus(-(differences @ mode), threshold=1e3).sum()
    prior = (len(mode) * np.log(alpha) - alpha * (mode @ mode)) / 2
    return float(likelihood + prior - factor.diagonal().log().sum())
