"""Calibration error: by hand, against simulated calibrated and miscalibrated models, weighted and not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import binom

from prefloop.evaluation.calibration import calibration_error, mean_absolute_deviation

SIZES = [290, 2387]


def drawn(rng, n, slope=1.0, spread=1.0):
    """Confidences, and answers that are right with probability sigmoid(slope * logit)."""
    logits = np.abs(rng.normal(0, spread, n))
    return expit(logits), (rng.random(n) < expit(slope * logits)).astype(np.float64)


def true_error(slope, spread=1.0):
    """The error without noise, from very many confidences."""
    logits = np.abs(np.random.default_rng(7).normal(0, spread, 400_000))
    bins = np.minimum(((expit(logits) - 0.5) * 20).astype(int), 9)
    return np.abs(np.bincount(bins, weights=expit(logits) - expit(slope * logits))).sum() / len(logits)


def mean_error(n, slope=1.0, weighted=False, repeats=400, spread=1.0):
    """Mean plain, debiased and floor of simulated evaluation sets, float64 [3]."""
    rng = np.random.default_rng(n)
    found = []
    for _ in range(repeats):
        confidence, correct = drawn(rng, n, slope, spread)
        of = calibration_error(confidence, correct, rng.gamma(1.0, size=n) if weighted else None)
        found.append((of.plain, of.debiased, of.floor))
    return np.mean(found, axis=0)


def test_plain_error_by_hand():
    # Two bins: (.55, .55) with one right of two, (.95, .95) with two of two.
    confidence, correct = np.array([0.55, 0.55, 0.95, 0.95]), np.array([1.0, 0.0, 1.0, 1.0])
    assert calibration_error(confidence, correct).plain == pytest.approx((2 * 0.05 + 2 * 0.05) / 4)
    assert calibration_error(np.array([1.0]), np.array([1.0])).plain == 0
    # A pair that weighs three counts as three in the gap.
    weighted = calibration_error(confidence, correct, np.array([1.0, 1.0, 3.0, 1.0]))
    assert weighted.plain == pytest.approx((2 * 0.05 + 4 * 0.05) / 6)


def test_floor_by_hand():
    # One pair of confidence c is off by 1 - c with probability c, by c otherwise.
    of = calibration_error(np.array([0.8]), np.array([1.0]))
    assert of.floor == pytest.approx(2 * 0.8 * 0.2)
    # The gap seen, .2, is less than noise gives: nothing is left.
    assert of.debiased == 0


def test_certainty_and_coin_tosses_have_no_noise():
    of = calibration_error(np.array([0.5, 0.5, 1.0]), np.array([0.5, 0.5, 1.0]))
    assert (of.plain, of.debiased, of.floor) == (0, 0, 0)
    # Wrong with all certainty: nothing of that is noise.
    wrong = calibration_error(np.ones(4), np.array([1.0, 1.0, 0.0, 0.0]))
    assert (wrong.plain, wrong.debiased, wrong.floor) == (0.5, 0.5, 0)


# Chances below a millionth overflow in the reference's own tails.
@given(n=st.integers(1, 400), p=st.one_of(st.just(0.0), st.floats(1e-6, 0.5)))
def test_deviation_is_that_of_a_binomial(n, p):
    k = np.arange(n + 1)
    literal = (np.abs(k - n * p) * binom.pmf(k, n, p)).sum()
    found = mean_absolute_deviation(np.array([float(n)]), np.array([p]))
    np.testing.assert_allclose(found, literal, rtol=1e-7, atol=1e-9)


def test_deviation_has_no_steps_between_whole_numbers():
    n = np.linspace(1, 60, 20_001)
    for p in (0.02, 0.3, 0.5):
        assert np.abs(np.diff(mean_absolute_deviation(n, np.full_like(n, p)))).max() < 0.01


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("spread", [0.5, 1.0, 4.0])
def test_floor_is_what_a_calibrated_model_shows(n, spread):
    plain, _, floor = mean_error(n, spread=spread)
    assert floor == pytest.approx(plain, rel=0.04)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_calibrated_model_has_next_to_no_error(n, weighted):
    plain, debiased, floor = mean_error(n, weighted=weighted)
    assert floor == pytest.approx(plain, rel=0.06)
    assert debiased < 0.35 * floor


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("slope", [0.5, 0.25, 2.5])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_miscalibrated_model_is_found_out(n, slope, weighted):
    true = true_error(slope)
    plain, debiased, floor = mean_error(n, slope, weighted, repeats=300)
    assert plain > true
    assert abs(debiased - true) < 0.35 * floor


def test_with_very_many_pairs_nothing_is_subtracted():
    confidence, correct = drawn(np.random.default_rng(0), 400_000, slope=0.5)
    of = calibration_error(confidence, correct)
    assert of.debiased == pytest.approx(true_error(0.5), abs=0.002)
    assert of.plain - of.debiased < 0.1 * of.floor


@given(seed=st.integers(0, 10_000), n=st.integers(1, 60), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_weights_have_no_scale_and_those_of_zero_do_not_count(seed, n, scale):
    rng = np.random.default_rng(seed)
    confidence, correct = drawn(rng, n, slope=0.5)
    alike = calibration_error(confidence, correct)
    same = calibration_error(confidence, correct, np.full(n, scale))
    padded = calibration_error(
        np.append(confidence, 0.9), np.append(correct, 0.0), np.append(np.full(n, scale), 0.0)
    )
    for name in ("plain", "debiased", "floor"):
        assert getattr(same, name) == pytest.approx(getattr(alike, name), abs=1e-9)
        assert getattr(padded, name) == pytest.approx(getattr(alike, name), abs=1e-9)
    assert 0 <= alike.debiased <= alike.plain <= 1
    assert 0 <= alike.floor <= 0.5
