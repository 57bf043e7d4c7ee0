"""The policy proxy: a convex fit, and probabilities within prompts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import softplus

from prefloop.acquisition.segments import Segments
from prefloop.config.model import Proxy
from prefloop.errors import StateError
from prefloop.evaluation.downstream.proxy import dpo_loss, fit_policy, log_policies
from prefloop.evaluation.downstream.result import log_softmax

WORLDS = st.tuples(st.integers(0, 2**31), st.integers(2, 60), st.integers(1, 12))
CONFIGS = st.builds(Proxy, beta=st.floats(0.02, 5), ridge=st.floats(1e-5, 1))
PLAIN = Proxy(beta=0.1, ridge=1e-3)


def differences(seed, n, dim):
    return np.random.default_rng(seed).standard_normal((n, dim)) + 0.3


@given(world=WORLDS, config=CONFIGS)
def test_the_gradient_is_that_of_the_loss(world, config):
    x = torch.from_numpy(differences(*world))
    theta = torch.from_numpy(differences(1, 1, x.shape[1])[0]).requires_grad_()
    weight = torch.from_numpy(np.random.default_rng(2).random(len(x)) * 2)
    literal = (weight * softplus(-config.beta * (x @ theta))).mean() + config.ridge * (theta**2).sum() / 2
    literal.backward()
    loss, gradient = dpo_loss(theta.detach(), x, weight, config.beta, config.ridge)
    assert loss.item() == pytest.approx(literal.item(), rel=1e-9)
    np.testing.assert_allclose(gradient, theta.grad, atol=1e-12)


@given(world=WORLDS, config=CONFIGS)
def test_at_the_optimum_the_gradient_is_zero(world, config):
    x = differences(*world)
    theta = torch.from_numpy(fit_policy(x, None, config)).requires_grad_()
    loss = softplus(-config.beta * (torch.from_numpy(x) @ theta)).mean() + config.ridge * (theta**2).sum() / 2
    loss.backward()
    assert np.abs(theta.grad.numpy()).max() <= 1e-6 * config.beta


@given(world=WORLDS, config=CONFIGS, factor=st.floats(0.2, 5))
def test_margins_depend_on_ridge_over_beta_squared_alone(world, config, factor):
    # In u = beta * theta the loss is mean log(1 + exp(-u.x)) + (ridge / beta^2) |u|^2 / 2.
    x = differences(*world)
    other = Proxy(beta=config.beta * factor, ridge=config.ridge * factor**2)
    one, two = config.beta * fit_policy(x, None, config), other.beta * fit_policy(x, None, other)
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-4)


@given(world=WORLDS, config=CONFIGS)
def test_the_other_verdicts_give_the_opposite_policy(world, config):
    x = differences(*world)
    np.testing.assert_allclose(fit_policy(x, None, config), -fit_policy(-x, None, config), atol=1e-9)


@given(world=WORLDS)
def test_the_order_of_comparisons_does_not_matter(world):
    x = differences(*world)
    np.testing.assert_allclose(fit_policy(x, None, PLAIN), fit_policy(x[::-1].copy(), None, PLAIN), atol=1e-6)


@pytest.mark.parametrize("n", [0, 1])
def test_with_fewer_than_two_comparisons_it_is_uniform(n):
    assert not fit_policy(np.ones((n, 3)), None, PLAIN).any()


def test_comparisons_of_equal_features_teach_nothing():
    assert not fit_policy(np.zeros((5, 3)), None, PLAIN).any()


def test_separable_comparisons_have_a_finite_policy():
    theta = fit_policy(np.abs(differences(0, 200, 3)) * 100, None, Proxy(beta=10, ridge=1e-8))
    assert np.isfinite(theta).all()
    assert (theta.sum() > 0).all()


def test_features_that_are_not_finite_are_refused():
    with pytest.raises(StateError, match="1 of 4 comparisons"):
        fit_policy(np.array([[1.0, 2.0], [1.0, np.inf], [0.0, 1.0], [3.0, 1.0]]), None, PLAIN)


@settings(max_examples=50)
@given(
    counts=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
    size=st.sampled_from([1e-3, 1.0, 1e4]),
)
def test_probabilities_of_a_prompt_sum_to_one(counts, seed, size):
    prompts = Segments(np.array(counts))
    logits = size * np.random.default_rng(seed).standard_normal(sum(counts))
    got = log_softmax(logits, prompts)
    assert (got <= 0).all()
    for start, count in zip(prompts.starts, counts, strict=True):
        part = slice(start, start + count)
        assert np.exp(got[part]).sum() == pytest.approx(1)
        np.testing.assert_allclose(np.diff(got[part]), np.diff(logits[part]), atol=1e-9 * size)


def test_policies_are_softmaxes_of_linear_logits(monkeypatch):
    monkeypatch.setattr("prefloop.evaluation.downstream.proxy._BLOCK", 3)
    rng = np.random.default_rng(0)
    features = rng.standard_normal((7, 2)).astype(np.float32)
    prompt = np.array([4, 4, 4, 5, 7, 7, 7])
    theta, scale = rng.standard_normal((2, 2)), np.array([2.0, 0.5])
    got = log_policies(theta, features, scale, prompt)
    for s in range(2):
        for q in (4, 5, 7):
            logits = [float(theta[s] @ (features[c] * scale)) for c in np.flatnonzero(prompt == q)]
            want = np.exp(logits) / np.exp(logits).sum()
            np.testing.assert_allclose(np.exp(got[s, prompt == q]), want, rtol=1e-9)


def test_a_policy_on_no_completions_is_empty():
    assert log_policies(np.ones((2, 3)), np.ones((0, 3), np.float32), np.ones(3), np.zeros(0, np.int64)).shape == (
        2,
        0,
    )
