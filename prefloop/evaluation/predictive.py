"""Predictive metrics of an ensemble on evaluation pairs."""

from __future__ import annotations

import numpy as np
from scipy.special import expit, log_expit, logsumexp
from scipy.stats import spearmanr

from prefloop import uncertainty as u
from prefloop.evaluation.calibration import calibration_error
from prefloop.evaluation.metrics import METRICS


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


def predictive_metrics(
    logits: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None
) -> dict[str, float | None]:
    """All metrics of one evaluation set.

    Args:
        logits: float64 [M, n], n >= 1.
        y: float64 [n], 1.0 where a was preferred, else 0.0.
        weight: float64 [n], not negative and not all 0, on any scale: how much a pair counts in every mean
            and in the calibration error; None weighs all alike. Rank correlations are never weighted.

    Returns:
        log_likelihood (nats per pair), accuracy (an exact 1/2 counts half), brier (squared error
        of p), ece (ten equal bins of confidence, debiased) and ece_floor (what the plain error of a
        calibrated model would be), epistemic, aleatoric and predictive uncertainty
        (mean, nats), spearman_error and spearman_brier: rank correlation of epistemic uncertainty
        with the error 1[wrong] and with the squared error; sigma: mean standard deviation of the logit
        over members (unbiased, M >= 2), and spearman_sigma: its rank correlation with the error. A
        correlation is None where one of the two is constant.
    """
    p = expit(logits).mean(axis=0)
    correct = correctness(p, y)
    squared = (p - y) ** 2
    epistemic = u.bald(logits)
    sigma = u.deviation(logits)
    calibration = calibration_error(np.maximum(p, 1 - p), correct, weight)
    means = {
        "log_likelihood": log_likelihoods(logits, y),
        "accuracy": correct,
        "brier": squared,
        "epistemic": epistemic,
        "aleatoric": u.aleatoric(logits),
        "predictive": u.predictive_entropy(logits),
        "sigma": sigma,
    }
    metrics = {name: float(np.average(values, weights=weight)) for name, values in means.items()}
    return METRICS.measured(
        metrics
        | {
            "ece": calibration.debiased,
            "ece_floor": calibration.floor,
            "spearman_error": _spearman(epistemic, 1 - correct),
            "spearman_brier": _spearman(epistemic, squared),
            "spearman_sigma": _spearman(sigma, 1 - correct),
        }
    )


def _spearman(x: np.ndarray, y: np.ndarray) -> float | None:
    if len(x) < 3 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    return float(spearmanr(x, y).statistic)
