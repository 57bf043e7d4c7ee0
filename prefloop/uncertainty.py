"""Uncertainty of pairs from members' Bradley-Terry logits, in nats, and spread over members."""

from __future__ import annotations

import numpy as np
from scipy.special import entr, expit, kl_div


def predictive_entropy(logits: np.ndarray) -> np.ndarray:
    """H[mean_m p_m], float64 [N], of logits float64 [M, N].

    Source: Melo et al. 2024 (BAL-PM, arXiv 2406.10023), first term of the epistemic uncertainty.
    """
    return entr(expit(logits).mean(axis=0)) + entr(expit(-logits).mean(axis=0))


def aleatoric(logits: np.ndarray) -> np.ndarray:
    """mean_m H[p_m], float64 [N], of logits float64 [M, N].

    Source: Melo et al. 2024, second term of the epistemic uncertainty.
    """
    return (entr(expit(logits)) + entr(expit(-logits))).mean(axis=0)


def bald(logits: np.ndarray) -> np.ndarray:
    """Mutual information of verdict and member, float64 [N] in [0, ln 2], of logits [M, N].

    H[mean p] - mean H[p] equals the mean over members of KL(p_m || mean p); no entropies are subtracted in
    this form. Rounding leaves an error near 1e-16 of either sign; what falls below zero is set to zero.

    Source: Houlsby et al. 2011 (BALD); Melo et al. 2024, epistemic uncertainty.
    """
    won, lost = expit(logits), expit(-logits)
    divergence = kl_div(won, won.mean(axis=0)) + kl_div(lost, lost.mean(axis=0))
    return np.maximum(divergence.mean(axis=0), 0.0)


def deviation(values: np.ndarray) -> np.ndarray:
    """Unbiased standard deviation over members (divided by M - 1), float [N], of rewards or logits [M, N]."""
    return values.std(axis=0, ddof=1)


def variance(logits: np.ndarray) -> np.ndarray:
    """Variance over members of p_m (divided by M), float64 [N], of logits [M, N]."""
    return expit(logits).var(axis=0)
