"""Policy proxy: a log-linear policy over a prompt's completions, trained with the DPO loss."""

from __future__ import annotations

import numpy as np
import torch
from scipy.optimize import minimize
from torch.nn.functional import logsigmoid

from prefloop.acquisition.segments import Segments
from prefloop.config.model import Proxy as Config
from prefloop.errors import StateError
from prefloop.evaluation.downstream.result import log_softmax
from prefloop.io.rows import Vectors

# The gradient at which the fit ends, and the largest with which it is accepted, both in units of beta.
_AIM, _LIMIT = 1e-9, 1e-6
_BLOCK = 4096


def dpo_loss(
    theta: torch.Tensor, differences: torch.Tensor, weight: torch.Tensor, beta: float, ridge: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean of -w log sigma(beta * theta . (phi_chosen - phi_rejected)) + ridge * |theta|^2 / 2, and its gradient.

    The policy is pi(y|x) ~ exp(theta . phi(x, y)) and its reference uniform: the normalising terms of
    both cancel within a pair.

    Args:
        theta: float64 [D].
        differences: float64 [n, D], phi of the chosen minus phi of the rejected completion.
        weight: float64 [n], w, what each counts, mean 1.
        beta: strength of the pull to the reference.
        ridge: L2 penalty per comparison.

    Returns:
        The loss in nats, and its gradient [D].

    Source: Rafailov et al. 2023 (arXiv 2305.18290), equation 7.
    """
    margins = beta * (differences @ theta)
    slopes = weight * torch.sigmoid(-margins) / len(differences)
    loss = -(weight * logsigmoid(margins)).mean() + ridge / 2 * (theta @ theta)
    return loss, ridge * theta - beta * (slopes @ differences)


def fit_policy(differences: np.ndarray, weights: np.ndarray | None, config: Config) -> np.ndarray:
    """Minimise `dpo_loss` from the uniform policy; it is strictly convex, so nothing is drawn.

    Args:
        differences: float64 [n, D]; with fewer than two the policy stays uniform.
        weights: float64 [n], what each counts, mean 1; None: all alike.
        config: section `downstream.proxy`.

    Returns:
        theta, float64 [D].

    Raises:
        StateError: features that are not finite, or no minimum found.
    """
    start = np.zeros(differences.shape[1])
    if len(differences) < 2:
        return start
    if broken := int((~np.isfinite(differences)).any(axis=1).sum()):
        raise StateError(
            f"{broken} of {len(differences)} comparisons have features that are not finite: remove "
            "data/features and run dvc repro"
        )
    # Products by torch: benchmark.threads sets its threads, which decide the last bits.
    x, beta, ridge = torch.from_numpy(differences), config.beta, config.ridge
    weight = torch.ones(len(x), dtype=x.dtype) if weights is None else torch.from_numpy(weights)

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = dpo_loss(torch.from_numpy(theta), x, weight, beta, ridge)
        return value.item(), gradient.numpy()

    def curvature(theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        margins = beta * (x @ torch.from_numpy(theta))
        bends = weight * torch.sigmoid(margins) * torch.sigmoid(-margins) * (beta**2 / len(x))
        product = (bends * (x @ torch.from_numpy(direction))) @ x
        return ridge * direction + product.numpy()

    minimum = minimize(loss, start, method="trust-ncg", jac=True, hessp=curvature, options={"gtol": _AIM * beta})
    steepest = float(np.abs(minimum.jac).max())
    if not steepest <= _LIMIT * beta:
        raise StateError(
            f"the policy proxy did not converge on {len(differences)} comparisons (largest slope {steepest:.1e}, "
            f"expected {_LIMIT * beta:.1e} at most): raise downstream.proxy.ridge"
        )
    return np.asarray(minimum.x)


def log_policies(
    theta: np.ndarray, features: Vectors, scale: np.ndarray, completion_prompt: np.ndarray
) -> np.ndarray:
    """log pi(y|x) of every completion under log-linear policies.

    Args:
        theta: float64 [S, D], a policy each.
        features: float32 [E, D], memory-mapped or not; read in blocks.
        scale: float64 [D], multiplies the features. A shift would cancel within a prompt.
        completion_prompt: int64 [E], prompt of each completion, ascending.

    Returns:
        float64 [S, E], nats; the probabilities of a prompt's completions sum to one.
    """
    weights = torch.from_numpy(theta * scale)
    logits = np.empty((len(theta), len(features)))
    for start in range(0, len(features), _BLOCK):
        block = torch.from_numpy(features[start : start + _BLOCK].astype(np.float64))
        # One product each: a policy's bits do not depend on how many others there are.
        for policy, weight in zip(logits, weights, strict=True):
            policy[start : start + _BLOCK] = (block @ weight).numpy()
    _, counts = np.unique(completion_prompt, return_counts=True)
    prompts = Segments(counts)
    return np.stack([log_softmax(row, prompts) for row in logits])
