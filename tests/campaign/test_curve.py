"""The fitted curve rises and saturates, finds a curve that is there, and knows how little few pairs say."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.campaign.curve import PRIOR, Curve, Estimate, fit_curve
from tests.campaign.campaigns import drawn_slice, slice_of


@settings(max_examples=25)
@given(
    scores=st.lists(st.floats(-4, -0.01), min_size=1, max_size=30),
    seed=st.integers(0, 5),
    step=st.integers(0, 200),
)
def test_every_replicate_rises_ever_more_slowly(scores, seed, step):
    n_labels = step * (np.arange(len(scores)) // 4)
    curve = fit_curve(slice_of(scores, n_labels), seed)
    values = np.stack([curve.at(n) for n in (1, 50, 100, 150, 1000, 10_000)])
    assert np.isfinite(values).all()
    assert (np.diff(values, axis=0) >= -1e-12).all()
    assert (curve.gain(100, 50) >= curve.gain(150, 50) - 1e-12).all()
    assert (curve.gain(200, 0) == 0).all()


def test_the_same_seed_gives_the_same_curve():
    audit = slice_of([-0.6, -0.5, -0.4], [100, 200, 300])
    first, second, other = (fit_curve(audit, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.level, second.level)
    assert (first.level != other.level).any()


def test_many_pairs_find_the_curve():
    true = Curve(np.array([-0.62]), np.array([0.06]), np.array([0.3]))
    n = np.repeat(np.arange(100, 2100, 100), 2000)
    fitted = fit_curve(drawn_slice(np.random.default_rng(0), true.at, n), 0)
    score, gain = Estimate.of(fitted.at(2000), 0.9), Estimate.of(fitted.gain(1000, 1000), 0.9)
    assert abs(score.value - true.at(2000)[0]) < 0.01
    assert abs(gain.value - true.gain(1000, 1000)[0]) < 0.006
    assert gain.high - gain.low < 0.03


def test_without_data_on_the_rise_the_prior_speaks():
    one_model = slice_of([-0.6, -0.7] * 50, [100] * 100)
    curve = fit_curve(one_model, 0)
    mean, spread = PRIOR.expected[0] + PRIOR.surprise[0], np.hypot(PRIOR.expected[1], PRIOR.surprise[1])
    expected = np.maximum(np.random.default_rng(0).normal(mean, spread, 100_000), 0)
    assert abs(curve.slope.mean() - expected.mean()) < 0.004
    assert abs(curve.slope.std() - expected.std()) < 0.004
    assert abs(curve.at(100).mean() + 0.65) < 0.005


def test_pairs_of_one_prompt_say_less_than_as_many_prompts():
    rng = np.random.default_rng(1)
    scores = np.repeat(-rng.exponential(0.6, 30), 10)
    n = np.tile(np.arange(100, 400, 100), 100)
    apart, together = (
        fit_curve(slice_of(scores, n, prompt), 0) for prompt in (np.arange(300), np.repeat(np.arange(30), 10))
    )
    assert together.at(200).std() > 1.8 * apart.at(200).std()


def test_with_few_prompts_each_pair_is_a_draw():
    scores, n = -np.random.default_rng(3).exponential(0.6, 60), np.repeat([100, 200, 300], 20)
    single, many = (fit_curve(slice_of(scores, n, prompt), 0) for prompt in (np.zeros(60, int), np.arange(60)))
    assert single.at(200).std() > 0.8 * many.at(200).std()


def test_the_interval_covers_about_its_level():
    rng, inside = np.random.default_rng(7), 0
    n = np.repeat(np.arange(100, 1100, 100), 15)
    for number in range(60):
        exponent = np.exp(rng.uniform(*np.log(PRIOR.exponent), 1))
        expects, surprise = rng.normal(*PRIOR.expected, 1), rng.normal(*PRIOR.surprise, 1)
        true = Curve(np.array([-0.6]), np.maximum(expects + surprise, 0), exponent)
        expects = Curve(np.array([-0.6]), expects, exponent)
        curve = fit_curve(drawn_slice(rng, true.at, n, expects.at, luck=0.015), number)
        gain = Estimate.of(curve.gain(1000, 100), 0.9)
        inside += gain.low - 1e-9 <= true.gain(1000, 100)[0] <= gain.high
    # Binomial of 60 draws at 0.9: fewer than 48 or all 60 has a chance of 1 in 60.
    assert 48 <= inside <= 59
