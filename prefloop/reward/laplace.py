"""`laplace`: a linear Bradley-Terry head on frozen features with a Gaussian posterior (MacKay 1992)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from prefloop.io.rows import Vectors
from prefloop.reward.inputs import FitInputs, Scaling
from prefloop.reward.kinds import Laplace as Config
from prefloop.reward.logistic import Posterior, best_posterior
from prefloop.reward.optimise import tensor_of
from prefloop.rng import Stream, generator

Tensor = torch.Tensor

_BLOCK = 16_384


@dataclass(frozen=True)
class FittedLaplace:
    """r(x) = theta . phi(x) with theta ~ N(mode, Sigma), and an even number of draws of theta as members.

    Exact, given Laplace's approximation: the mode and `logit_moments`. The members are sampled, in pairs
    mode + e and mode - e, so that their mean is the mode; their spread is Sigma only on average, with a relative
    error of about 2 / sqrt(M) in the variance of one pair's logit.

    Sigma = Q (L L^T)^-1 Q^T + (I - Q Q^T) / alpha: outside the span of the compared differences the prior stands.

    Attributes:
        scaling: features become phi = (x - shift) * scale.
        mode: float64 [D].
        span: float64 [D, k], Q, orthonormal.
        factor: float64 [k, k], L, lower triangular.
        alpha: precision of the prior.
        log_evidence: Laplace's log marginal likelihood of the labels, nats; 0 without labels.
        draws: float64 [M, D], the members' theta.
        epochs: int64 [M], Newton steps, each a pass over all labels; 0 = untrained.
    """

    scaling: Scaling
    mode: Tensor
    span: Tensor
    factor: Tensor
    alpha: float
    log_evidence: float
    draws: Tensor
    epochs: np.ndarray

    @property
    def temperature(self) -> float:
        """1: nothing is held out to fit one."""
        return 1.0

    @property
    def trained(self) -> bool:
        """Whether it has seen a label."""
        return bool(self.epochs.any())

    def rewards(self, features: Vectors) -> np.ndarray:
        """Reward of every completion under every draw.

        Args:
            features: float32 [C, D], memory-mapped or not; read in blocks.

        Returns:
            float32 [M, C]; differences of a member's rewards are Bradley-Terry logits.
        """
        result = np.empty((len(self.draws), len(features)), dtype=np.float32)
        for start in range(0, len(features), _BLOCK):
            inputs = self.scaling.apply(features[start : start + _BLOCK]).double()
            result[:, start : start + _BLOCK] = (self.draws @ inputs.T).cpu().numpy()
        return result

    def last_layer(self, features: Vectors) -> np.ndarray:
        """phi, float32 [C, D]."""
        return self.scaling.apply(features[:]).cpu().numpy()

    def logit_moments(self, features_a: Vectors, features_b: Vectors) -> tuple[np.ndarray, np.ndarray]:
        """Exact mean and variance of the logits of "a is preferred" under the posterior.

        Args:
            features_a, features_b: float32 [N, D].

        Returns:
            mean and variance, float64 [N] each.
        """
        difference = self.scaling.apply(features_a[:]).double() - self.scaling.apply(features_b[:]).double()
        inside = difference @ self.span
        outside = difference - inside @ self.span.T
        whitened = torch.linalg.solve_triangular(self.factor, inside.T, upper=False)
        variance = (whitened**2).sum(dim=0) + (outside**2).sum(dim=1) / self.alpha
        return (difference @ self.mode).cpu().numpy(), variance.cpu().numpy()

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and string facts from which `from_state` builds the same model again."""
        tensors = {name: getattr(self, name).cpu().numpy() for name in ("mode", "span", "factor", "draws")}
        tensors |= {"shift": self.scaling.shift.cpu().numpy(), "scale": self.scaling.scale.cpu().numpy()}
        facts = {"alpha": repr(self.alpha), "log_evidence": repr(self.log_evidence)}
        return tensors | {"epochs": self.epochs}, facts

    @classmethod
    def from_state(
        cls, tensors: dict[str, np.ndarray], facts: dict[str, str], device: torch.device
    ) -> FittedLaplace:
        """Rebuild a model from `state()`."""
        names = ("shift", "scale", "mode", "span", "factor", "draws")
        shift, scale, mode, span, factor, draws = (torch.from_numpy(tensors[name]).to(device) for name in names)
        alpha, evidence = float(facts["alpha"]), float(facts["log_evidence"])
        return cls(Scaling(shift, scale), mode, span, factor, alpha, evidence, draws, tensors["epochs"])


def fit_laplace(config: Config, inputs: FitInputs) -> FittedLaplace:
    """Fit the head and its prior on all labelled pairs.

    Nothing is held out and nobody stops early: `inputs.validation` is not read. Fewer than two labels leave the
    prior as it is, at the smallest deviation.

    Args:
        config: section `reward.laplace`.
        inputs: what to train from.

    Returns:
        The fitted model.

    Raises:
        StateError: features that are not finite.
    """
    mean, deviation = (np.asarray(moment, dtype=np.float64) for moment in inputs.moments())
    scaling = _scaling(mean, deviation, config.standardise, inputs.device)
    # Variance that a prior of precision 1 gives the logit of two random completions; where all are alike, every
    # prior says the same.
    unit = 2.0 * float(((deviation * scaling.scale.double().cpu().numpy()) ** 2).sum()) or 1.0
    high, low = (unit / sd**2 for sd in config.prior_deviation)
    pairs = inputs.comparisons
    if pairs.label_count < 2:
        span = torch.zeros(len(mean), 0, dtype=torch.float64, device=inputs.device)
        return _with_draws(config, inputs, scaling, span, Posterior(high, span[0], span[:0], 0.0, 0))
    won, lost = (scaling.apply(inputs.features[rows]).double() for rows in (pairs.winner, pairs.loser))
    span, coordinates = _span(won - lost)
    # A label counts once, whether it trains one way or both.
    weight = tensor_of(pairs.weight * (pairs.label_count / len(pairs)), coordinates)
    return _with_draws(config, inputs, scaling, span, best_posterior(coordinates, weight, low, high))


def orthogonal_normals(rng: np.random.Generator, count: int, dim: int) -> np.ndarray:
    """Standard normal vectors, orthogonal to each other as far as `dim` allows; float64 [count, dim].

    One alone is exactly N(0, I). Their lengths are then scaled by one factor, so that their mean square is `dim`.

    Source: Yu et al. 2016 (arXiv 1610.09072), orthogonal random features.
    """
    normals = rng.standard_normal((count, dim))
    lengths = np.linalg.norm(normals, axis=1, keepdims=True)
    for start in range(0, count, dim):
        directions, upper = np.linalg.qr(normals[start : start + dim].T)
        normals[start : start + dim] = (directions * np.sign(np.diag(upper))).T
    normals *= lengths * np.sqrt(count * dim / (lengths**2).sum())
    return normals


def _scaling(mean: np.ndarray, deviation: np.ndarray, standardise: bool, device: torch.device) -> Scaling:
    """Centred over the pool, which changes no logit but keeps an idle constant out of the rewards."""
    shift = torch.from_numpy(mean.astype(np.float32)).to(device)
    spread = torch.from_numpy(deviation.astype(np.float32)).to(device)
    one = torch.ones_like(spread)
    return Scaling(shift, torch.where(spread > 0, 1 / spread, 0 * one) if standardise else one)


def _span(differences: Tensor) -> tuple[Tensor, Tensor]:
    """Orthonormal basis [D, k] that holds the differences [n, D], and their coordinates [n, k]; k = min(n, D)."""
    if len(differences) >= differences.shape[1]:
        return torch.eye(differences.shape[1], dtype=torch.float64, device=differences.device), differences
    basis, upper = torch.linalg.qr(differences.T)
    return basis.contiguous(), upper.T.contiguous()


def _with_draws(
    config: Config, inputs: FitInputs, scaling: Scaling, span: Tensor, posterior: Posterior
) -> FittedLaplace:
    rng = generator(inputs.seed, inputs.round_, Stream.POSTERIOR)
    normals = torch.from_numpy(orthogonal_normals(rng, config.members // 2, len(span))).to(inputs.device)
    inside = normals @ span
    outside = (normals - inside @ span.T) / posterior.alpha**0.5
    whitened = torch.linalg.solve_triangular(posterior.factor.T, inside.T, upper=True)
    mode, changes = span @ posterior.mode, outside + (span @ whitened).T
    draws = torch.cat([mode + changes, mode - changes])
    epochs = np.full(config.members, posterior.steps, dtype=np.int64)
    return FittedLaplace(
        scaling, mode, span, posterior.factor, posterior.alpha, posterior.log_evidence, draws, epochs
    )
