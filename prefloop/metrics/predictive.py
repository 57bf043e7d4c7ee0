"""Predictive metrics of an ensemble on evaluation pairs."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import spearmanr

from prefloop import uncertainty as u

_ECE_BINS = 10


def pair_logits(rewards: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Bradley-Terry logits float64 [M, n] of "a is preferred".

    Args:
        rewards: float32 [M, C].
        a, b: int64 [n], columns of `rewards`.
    """
    return rewards[:, a].astype(np.float64) - rewards[:, b]


def log_likelihoods(logits: np.ndarray, y: np.ndarray) -> np.ndarray:
    """log of the members' mean probability of what was preferred, nats, float64 [n].

    Args:
        logits: float64 [M, n].
        y: float64 [n], 1.0 where a was preferred, else 0.0.

    Source: Melo et al. 2024, the test log-likelihood.
    """
    signed = np.where(y > 0.5, logits, -logits)
    values: np.ndarray = logsumexp(log_expit(signed), axis=0) - np.log(len(logits))
    return values


def correctness(p: np.ndarray, y: np.ndarray) -> np.ndarray:
    """1 where a probability p [n] of "a is preferred" is on the side of y [n], 0 where not, 1/2 for p = 1/2."""
    return np.where(p == 0.5, 0.5, (p > 0.5) == (y > 0.5))


def predictive_metrics(logits: np.ndarray, y: np.ndarray) -> dict[str, float | None]:
    """All metrics of one evaluation set.

    Args:
        logits: float64 [M, n], n >= 1.
        y: float64 [n], 1.0 where a was preferred, else 0.0.

    Returns:
        log_likelihood (nats per pair), accuracy (an exact 1/2 counts half), brier (squared error
        of p), ece (10 equal bins of confidence), epistemic, aleatoric and predictive uncertainty
        (mean, nats), spearman_error and spearman_brier: rank correlation of epistemic uncertainty
        with the error 1[wrong] and with the squared error; sigma: mean standard deviation of the logit
        over members (unbiased, M >= 2), and spearman_sigma: its rank correlation with the error. A
        correlation is None where one of the two is constant.
    """
    p = expit(logits).mean(axis=0)
    correct = correctness(p, y)
    squared = (p - y) ** 2
    epistemic = u.bald(logits)
    sigma = logits.std(axis=0, ddof=1)
    return {
        "log_likelihood": float(log_likelihoods(logits, y).mean()),
        "accuracy": float(correct.mean()),
        "brier": float(squared.mean()),
        "ece": calibration_error(np.maximum(p, 1 - p), correct),
        "epistemic": float(epistemic.mean()),
        "aleatoric": float(u.aleatoric(logits).mean()),
        "predictive": float(u.predictive_entropy(logits).mean()),
        "spearman_error": _spearman(epistemic, 1 - correct),
        "spearman_brier": _spearman(epistemic, squared),
        "sigma": float(sigma.mean()),
        "spearman_sigma": _spearman(sigma, 1 - correct),
    }


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Expected calibration error: mean over pairs of |confidence - accuracy| of their bin.

    Args:
        confidence: float64 [n] in [0.5, 1].
        correct: float64 [n] in {0, 0.5, 1}.

    Source: Guo et al. 2017 (arXiv 1706.04599), ten equal bins over [0.5, 1].
    """
    bins = np.minimum(((confidence - 0.5) * 2 * _ECE_BINS).astype(int), _ECE_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - correct, minlength=_ECE_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(x, y).statistic)
