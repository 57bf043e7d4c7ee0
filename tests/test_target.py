"""Weights for a target: against their definition, and what they are for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import ConfigError
from prefloop.neighbours.nodes import distances
from prefloop.target import density_weights, effective_size, label_weights


def normal(seed, n, mean=0.0, dimension=3):
    return (np.random.default_rng(seed).standard_normal((n, dimension)) + mean).astype(np.float32)


def literal(prompts, target, k, clip):
    """The definition, prompt by prompt."""
    everything, n, m = np.concatenate([prompts, target]), len(prompts), len(target)
    ratio = np.zeros(n)
    for i in range(n):
        away = distances(everything, np.full(n + m, i), np.arange(n + m))
        others = np.delete(away[:n], i)
        radius = np.sort(others)[min(k, n - 1) - 1]
        ratio[i] = np.mean(away[n:] <= radius) / np.mean(others <= radius)
    ratio = np.minimum(ratio, clip * ratio.mean())
    return ratio / ratio.mean()


@given(st.integers(0, 10_000), st.integers(2, 25), st.integers(1, 25), st.integers(1, 30), st.booleans())
@settings(max_examples=80, deadline=None)
def test_weights_are_those_of_the_definition_ties_and_few_prompts_included(seed, n, m, k, lattice):
    rng = np.random.default_rng(seed)
    draw = (lambda *s: rng.integers(0, 3, s)) if lattice else (lambda *s: rng.standard_normal(s))
    prompts = draw(n, 2).astype(np.float32)
    # One target prompt is a prompt of the data, so that there is an overlap.
    target = np.concatenate([prompts[:1], draw(m, 2)]).astype(np.float32)
    weights = density_weights(prompts, target, k, 2.0, 1.0)
    assert weights.dtype == np.float64
    np.testing.assert_allclose(weights, literal(prompts, target, k, 2.0), rtol=1e-12)
    np.testing.assert_allclose(weights.mean(), 1)


def test_a_target_like_the_data_leaves_nearly_all_prompts():
    weights = density_weights(normal(0, 2000), normal(1, 2000), 50, 10.0, 1.0)
    assert effective_size(weights) > 0.9 * 2000


@pytest.mark.parametrize("seed", range(3))
def test_weighted_means_are_nearly_the_targets_where_that_is_a_shifted_mixture(seed):
    prompts = np.concatenate([normal(seed, 1500), normal(seed + 10, 500, mean=3.0)])
    target = np.concatenate([normal(seed + 20, 200), normal(seed + 30, 600, mean=3.0)])
    weights = density_weights(prompts, target, 20, 10.0, 30.0)
    for function in (lambda x: x[:, 0], lambda x: x[:, 1] * x[:, 2], lambda x: x[:, 0] > 1.5):
        aim = function(target).mean()
        before = abs(function(prompts).mean() - aim)
        assert abs(np.average(function(prompts), weights=weights) - aim) < 0.2 * before


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_weights_follow_the_prompts_and_not_their_order(seed):
    rng = np.random.default_rng(seed)
    prompts, target = normal(seed, 60), normal(seed + 1, 40, mean=0.5)
    order, other = rng.permutation(60), rng.permutation(40)
    weights = density_weights(prompts, target, 5, 10.0, 1.0)
    np.testing.assert_allclose(density_weights(prompts[order], target[other], 5, 10.0, 1.0), weights[order])


def test_repeated_prompts_share_a_weight_and_do_not_gain_by_their_number():
    spread = normal(0, 200)
    prompts = np.concatenate([spread, np.repeat(spread[:1], 100, axis=0)])
    # The target repeats that prompt as the data do, so nothing speaks for it or against it.
    target = np.concatenate([normal(1, 200), np.repeat(spread[:1], 101, axis=0)])
    weights = density_weights(prompts, target, 10, 10.0, 1.0)
    copies = np.append(weights[200:], weights[0])
    assert (copies == copies[0]).all()
    assert 0.7 < copies[0] < 1.4


def test_all_prompts_alike_weigh_the_same():
    same = np.ones((12, 4), np.float32)
    assert (density_weights(same, same[:5], 3, 10.0, 12.0) == 1).all()
    assert density_weights(same[:1], same[:5], 3, 10.0, 30.0).tolist() == [1.0]


def test_no_weight_is_above_the_clip():
    prompts = np.concatenate([normal(0, 500), normal(1, 5, mean=8.0)])
    target = normal(2, 300, mean=8.0)
    sharp = density_weights(prompts, target, 3, 300.0, 1.0)
    blunt = density_weights(prompts, target, 3, 2.0, 1.0)
    assert effective_size(blunt) > effective_size(sharp)
    assert blunt.max() < sharp.max()


def test_a_target_that_the_data_do_not_cover_is_refused():
    with pytest.raises(ConfigError, match=r"data\.target_file: none of its 40 prompts"):
        density_weights(normal(0, 200), normal(1, 40, mean=50.0), 10, 10.0, 1.0)
    few = np.concatenate([normal(0, 500), normal(1, 5, mean=20.0)])
    with pytest.raises(ConfigError, match=r"effective number of .*data\.target_file\.min_effective"):
        density_weights(few, normal(2, 300, mean=20.0), 3, 300.0, 30.0)


@given(st.lists(st.floats(1e-3, 1e3), min_size=1, max_size=30), st.floats(0.1, 10))
def test_the_effective_size_lies_between_1_and_n_and_knows_no_scale(values, scale):
    weights = np.array(values)
    size = effective_size(weights)
    assert 1 - 1e-9 <= size <= len(values) * (1 + 1e-9)
    np.testing.assert_allclose(effective_size(scale * weights), size)
    np.testing.assert_allclose(effective_size(np.full(len(values), scale)), len(values))


@given(st.lists(st.integers(0, 5), max_size=40), st.floats(0, 1))
def test_label_weights_are_those_of_the_definition(prompt, balance):
    weights = label_weights(np.array(prompt, dtype=np.int64), balance)
    literal_ = np.array([float(prompt.count(q)) ** -balance for q in prompt])
    np.testing.assert_allclose(weights, literal_ / literal_.mean() if prompt else literal_)
    assert weights.dtype == np.float64


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_balance_one_weighs_labelled_prompts_alike_and_zero_labels(prompt):
    rows = np.array(prompt)
    totals = [label_weights(rows, 1.0)[rows == q].sum() for q in set(prompt)]
    np.testing.assert_allclose(totals, totals[0])
    np.testing.assert_array_equal(label_weights(rows, 0.0), 1.0)


def test_where_no_prompt_has_more_labels_than_another_weights_are_exactly_one():
    for prompts in (np.arange(7), np.repeat(np.arange(5), 3), np.zeros(9, dtype=np.int64)):
        np.testing.assert_array_equal(label_weights(prompts, 0.5), 1.0)
