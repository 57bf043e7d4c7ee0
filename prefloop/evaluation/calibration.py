"""Expected calibration error without the part that sampling noise adds, and how large that part is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln
from scipy.stats import norm

_BINS = 10


@dataclass(frozen=True)
class CalibrationError:
    """Calibration of confidences against what was right, all in units of probability.

    Attributes:
        plain: mean over pairs of |confidence - accuracy| of their bin; too large, by about `floor` for a
            calibrated model and by less for one that is not.
        debiased: the same with each bin's noise subtracted, not below 0.
        floor: what `plain` would be on average, were the model perfectly calibrated.
    """

    plain: float
    debiased: float
    floor: float


def calibration_error(
    confidence: np.ndarray, correct: np.ndarray, weight: np.ndarray | None = None
) -> CalibrationError:
    """Calibration error over ten equal bins of [0.5, 1].

    A bin's gap g is the summed confidence minus the summed correctness. Under calibration it has mean 0 and
    a known spread s; a gap d that is really there shows as |d + s Z|, Z standard normal, which is too large
    by s b(d / s), b(x) = E|x + Z| - |x|. Each bin therefore loses s b(x) at x^2 = max(g^2 / s^2 - 1, 0), the
    unbiased estimate of d^2 / s^2 where that is positive: all of its noise where nothing is there, next to
    nothing where the gap is clear. Subtracting the whole noise everywhere would leave an error too small,
    however many pairs there are. What is left for a calibrated model is about three tenths of `floor`.
    Pairs are taken as independent; those of one prompt may not be, and then the true floor is higher.

    Args:
        confidence: float64 [n] in [0.5, 1], n >= 1; exactly 0.5 is a coin toss, whose gap is always 0.
        correct: float64 [n] in {0, 0.5, 1}.
        weight: float64 [n], not negative and not all 0, on any scale; None weighs all pairs alike. A bin of
            weighted pairs has the noise of as many equal ones as its effective sample size says.

    Source: Guo et al. 2017 (arXiv 1706.04599), bins; Broecker 2012 (doi 10.1007/s00382-011-1191-1) and Ferro
        and Fricker 2012 (doi 10.1002/qj.1924), the squared gap without its noise; Kumar, Liang and Ma 2019
        (arXiv 1909.10155), the normal approximation of the bias of an absolute gap.
    """
    weight = np.ones(len(confidence)) if weight is None else weight
    bins = np.minimum(((confidence - 0.5) * 2 * _BINS).astype(int), _BINS - 1)
    gaps = np.abs(np.bincount(bins, weights=weight * (confidence - correct), minlength=_BINS))
    expected = _gaps_under_calibration(bins, confidence, weight)
    total = weight.sum()
    return CalibrationError(
        plain=float(gaps.sum() / total),
        debiased=float(max((gaps - _excess(gaps, expected)).sum(), 0.0) / total),
        floor=float(expected.sum() / total),
    )


def _gaps_under_calibration(bins: np.ndarray, confidence: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """E|gap| of each bin for a calibrated model, float64 [10]."""
    chance = np.where(confidence > 0.5, weight, 0.0)
    mass, squares, wrong = (
        np.bincount(bins, weights=weights, minlength=_BINS)
        for weights in (chance, chance**2, chance * (1 - confidence))
    )
    result, some = np.zeros(_BINS), mass > 0
    mass, squares, wrong = mass[some], squares[some], wrong[some]
    # Rounding must not make one pair 0.99999 of one, nor an error more likely than a coin toss.
    effective, p = np.maximum(mass**2 / squares, 1.0), np.minimum(wrong / mass, 0.5)
    result[some] = mass / effective * mean_absolute_deviation(effective, p)
    return result


def mean_absolute_deviation(n: np.ndarray, p: np.ndarray) -> np.ndarray:
    """E|K - n p| for a binomial K, exact for whole n, continuous between them.

    Confidences of one bin differ by at most 0.05, so their number of errors is as good as binomial in
    their mean; a mean makes the deviation a little larger, never smaller (Hoeffding 1956).

    Args:
        n: float64, >= 1.
        p: float64 in [0, 0.5].

    Source: de Moivre 1730: 2 v C(n, v) p^v (1 - p)^(n - v + 1), v = floor(n p) + 1.
    """
    v = np.floor(n * p) + 1
    ways = gammaln(n + 1) - gammaln(v + 1) - gammaln(n - v + 1)
    positive = np.where(p > 0, p, 1.0)
    log_terms = ways + v * np.log(positive) + (n - v + 1) * np.log1p(-p)
    return np.where(p > 0, 2 * v * np.exp(log_terms), 0.0)


def _excess(gaps: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """How much too large each bin's gap is on average, float64 [10]."""
    # The spread of a normal with this mean absolute value: a gap of 0 then loses just what is expected.
    spread = expected * np.sqrt(np.pi / 2)
    z = np.divide(gaps, spread, out=np.zeros_like(gaps), where=spread > 0)
    x = np.sqrt(np.maximum(z**2 - 1, 0))
    return spread * 2 * (norm.pdf(x) - x * norm.sf(x))
