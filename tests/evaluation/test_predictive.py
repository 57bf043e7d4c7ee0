"""Predictive metrics against their definitions."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from prefloop.evaluation.calibration import calibration_error
from prefloop.evaluation.predictive import log_likelihoods, pair_logits, predictive_metrics

LOGITS = st.tuples(st.integers(2, 4), st.integers(1, 12)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.floats(-8, 8))
)


def answers(logits):
    return (np.arange(logits.shape[1]) % 3 == 0).astype(float)


@given(logits=LOGITS)
def test_they_are_what_their_definitions_say(logits):
    y = answers(logits)
    p = (1 / (1 + np.exp(-logits))).mean(axis=0)
    got = predictive_metrics(logits, y)
    of_truth = np.where(y == 1, p, 1 - p)
    assert got["log_likelihood"] == pytest.approx(np.log(of_truth).mean())
    assert got["brier"] == pytest.approx(((p - y) ** 2).mean())
    assert got["epistemic"] + got["aleatoric"] == pytest.approx(got["predictive"])
    assert 0 <= got["epistemic"] <= got["predictive"] <= np.log(2) + 1e-12
    assert 0 <= got["ece"] <= 1
    assert 0 <= got["ece_floor"] <= 0.5
    assert got["sigma"] == pytest.approx(np.sqrt(logits.var(axis=0, ddof=1)).mean())


@given(logits=LOGITS)
def test_nothing_depends_on_which_answer_is_called_a(logits):
    y = answers(logits)
    one, two = predictive_metrics(logits, y), predictive_metrics(-logits, 1 - y)
    # The others count in bins or ranks, where the last bit of a probability may decide.
    for name in ("log_likelihood", "brier", "epistemic", "aleatoric", "predictive", "sigma"):
        assert two[name] == pytest.approx(one[name], abs=1e-9)


@given(logits=LOGITS)
def test_nothing_depends_on_the_order_of_members(logits):
    y = answers(logits)
    one, two = predictive_metrics(logits, y), predictive_metrics(logits[::-1], y)
    assert one["log_likelihood"] == pytest.approx(two["log_likelihood"])
    assert one["epistemic"] == pytest.approx(two["epistemic"], abs=1e-12)


def test_certainty_is_finite():
    logits = np.array([[800.0, -800.0], [700.0, -700.0]])
    np.testing.assert_allclose(log_likelihoods(logits, np.array([1.0, 0.0])), 0)
    # Wrong with all certainty: the mean of exp(-800) and exp(-700), not log(0).
    np.testing.assert_allclose(log_likelihoods(logits, np.array([0.0, 1.0])), -700 - np.log(2))


def test_a_coin_toss_counts_half():
    got = predictive_metrics(np.zeros((3, 4)), np.array([1.0, 0.0, 1.0, 0.0]))
    assert got["accuracy"] == 0.5
    assert got["log_likelihood"] == pytest.approx(np.log(0.5))
    assert got["ece"] == 0
    assert got["epistemic"] == pytest.approx(0, abs=1e-12)
    assert got["spearman_error"] is None
    assert got["spearman_brier"] is None
    assert got["sigma"] == 0
    assert got["spearman_sigma"] is None


def test_uncertainty_that_orders_the_errors_has_rank_correlation_one():
    spread = np.array([0.0, 1.0, 2.0, 3.0])
    logits = np.stack([2 + spread, 2 - spread])
    got = predictive_metrics(logits, np.ones(4))
    assert got["spearman_brier"] == pytest.approx(1)


def test_sigma_is_related_to_being_wrong():
    # Two pairs right with little spread, two wrong with much: ranks 1, 2, 3, 4 against 0, 0, 1, 1.
    middle, spread = np.array([1.0, 1.0, -1.0, -1.0]), np.array([0.1, 0.2, 0.3, 0.4])
    got = predictive_metrics(np.stack([middle - spread, middle, middle + spread]), np.ones(4))
    assert got["sigma"] == pytest.approx(0.25)
    assert got["spearman_sigma"] == pytest.approx(2 / np.sqrt(5))
    turned = predictive_metrics(np.stack([middle - spread, middle, middle + spread]), np.zeros(4))
    assert turned["spearman_sigma"] == pytest.approx(-2 / np.sqrt(5))


@given(logits=LOGITS)
def test_calibration_is_that_of_the_mean_probability(logits):
    y = answers(logits)
    p = (1 / (1 + np.exp(-logits))).mean(axis=0)
    # Where the last bit could put a probability on another side, there is nothing to compare.
    assume(np.abs(p - 0.5).min() > 1e-9)
    of = calibration_error(np.maximum(p, 1 - p), ((p > 0.5) == (y == 1)).astype(float))
    got = predictive_metrics(logits, y)
    assume(np.abs(np.maximum(p, 1 - p) * 20 % 1).min() > 1e-9)
    assert (got["ece"], got["ece_floor"]) == pytest.approx((of.debiased, of.floor), abs=1e-9)


@given(logits=LOGITS, times=st.integers(1, 3))
def test_a_weight_is_as_often_the_pair_in_every_mean(logits, times):
    y = answers(logits)
    count = 1 + times * (np.arange(len(y)) % 2)
    repeated = predictive_metrics(np.repeat(logits, count, axis=1), np.repeat(y, count))
    weighted = predictive_metrics(logits, y, count * 0.25)
    for name in ("log_likelihood", "accuracy", "brier", "epistemic", "aleatoric", "predictive", "sigma"):
        assert weighted[name] == pytest.approx(repeated[name], abs=1e-9)
    alike = predictive_metrics(logits, y)
    for name in ("spearman_error", "spearman_brier", "spearman_sigma"):
        assert weighted[name] == alike[name]


@given(logits=LOGITS)
def test_equal_weights_change_nothing(logits):
    y = answers(logits)
    alike, weighted = predictive_metrics(logits, y), predictive_metrics(logits, y, np.full(len(y), 3.0))
    for name, value in alike.items():
        assert weighted[name] == (None if value is None else pytest.approx(value, abs=1e-9))


def test_logits_are_differences_in_double_precision():
    rewards = np.array([[1.0, 1.0 + 2**-23, 3.0]], np.float32)
    logits = pair_logits(rewards, np.array([1, 2]), np.array([0, 0]))
    assert logits.dtype == np.float64
    np.testing.assert_array_equal(logits, [[2**-23, 2.0]])
