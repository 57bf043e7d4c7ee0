"""The Laplace head: exact moments, draws that follow them, and its limits."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import entr, expit
from torch.nn.functional import logsigmoid

from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.laplace import fit_laplace, orthogonal_normals
from prefloop.reward.registry import fit_model, load_model, save_model
from prefloop.uncertainty import bald
from tests.worlds import make_params

CPU = torch.device("cpu")


def make_config(**changes):
    return make_params(**{f"reward__laplace__{key}": value for key, value in changes.items()}).reward.laplace


def toy_inputs(count=120, dim=6, **changes):
    """Random features, a linear utility, Bradley-Terry answers."""
    rng = np.random.default_rng(0)
    features = (rng.standard_normal((2 * count, dim)) * rng.uniform(0.5, 2, dim) + 3).astype(np.float32)
    utility = features @ rng.standard_normal(dim)
    wins = rng.random(count) < expit(utility[:count] - utility[count:])
    return make_inputs(features, wins, **changes)


def make_inputs(features, wins, **changes):
    """Comparisons of the first half of the rows with the second, won where `wins`."""
    first, second = np.arange(len(features)).reshape(2, -1)
    pairs = Comparisons(np.where(wins, first, second), np.where(wins, second, first))
    moments = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    groups = np.arange(len(first))
    return replace(FitInputs(features, pairs, 0, 0, None, lambda: moments, CPU, groups), **changes)


def first(inputs, count):
    pairs = inputs.comparisons
    return replace(inputs, comparisons=Comparisons(pairs.winner[:count], pairs.loser[:count]))


def logits(model, a, b):
    rewards = model.rewards(np.concatenate([a, b])).astype(np.float64)
    return rewards[:, : len(a)] - rewards[:, len(a) :]


def unseen(count=50, dim=6):
    rng = np.random.default_rng(7)
    return tuple((rng.standard_normal((count, dim)) + 3).astype(np.float32) for _ in range(2))


@pytest.mark.parametrize("standardise", [False, True])
@pytest.mark.parametrize("labels", [2, 4, 6, 7, 100])
def test_moments_equal_those_of_the_full_posterior(labels, standardise):
    """Fewer labels than features are fitted in their own span; the plain form has all D directions."""
    inputs = first(toy_inputs(), labels)
    model = fit_laplace(make_config(standardise=standardise), inputs)
    phi = torch.from_numpy(model.last_layer(inputs.features)).double()
    rows = phi[inputs.comparisons.winner] - phi[inputs.comparisons.loser]

    def loss(weights):
        return -logsigmoid(rows @ weights).sum() + model.alpha * (weights**2).sum() / 2

    mode = model.mode.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(loss(mode), mode)
    assert float(gradient.abs().max()) < 1e-7 * len(rows)
    covariance = torch.linalg.inv(torch.autograd.functional.hessian(loss, model.mode))
    a, b = unseen()
    change = torch.from_numpy(model.last_layer(a)).double() - torch.from_numpy(model.last_layer(b)).double()
    mean, variance = model.logit_moments(a, b)
    np.testing.assert_allclose(mean, change @ model.mode, atol=1e-9)
    np.testing.assert_allclose(variance, torch.einsum("nd,de,ne->n", change, covariance, change), rtol=1e-5)


@pytest.mark.parametrize("labels", [0, 3, 100])
def test_draws_have_the_exact_mean_and_come_to_the_exact_variance(labels):
    model = fit_laplace(make_config(members=1000), first(toy_inputs(), labels))
    a, b = unseen()
    mean, variance = model.logit_moments(a, b)
    drawn = logits(model, a, b)
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=1e-4)
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.3)
    assert drawn.var(axis=0).mean() == pytest.approx(variance.mean(), rel=0.03)


def test_bald_of_the_draws_comes_to_bald_by_quadrature():
    model = fit_laplace(make_config(members=1000), toy_inputs(count=40))
    a, b = unseen(200)
    mean, variance = model.logit_moments(a, b)
    nodes, weights = hermegauss(80)
    p = expit(mean[:, None] + np.sqrt(variance)[:, None] * nodes)
    weights = weights / weights.sum()
    average = p @ weights
    exact = entr(average) + entr(1 - average) - (entr(p) + entr(1 - p)) @ weights
    drawn = bald(logits(model, a, b))
    assert np.corrcoef(exact, drawn)[0, 1] > 0.99
    assert drawn.mean() == pytest.approx(exact.mean(), rel=0.02)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 12), dim=st.integers(1, 8))
def test_normals_are_orthogonal_and_of_the_right_length(seed, count, dim):
    normals = orthogonal_normals(np.random.default_rng(seed), count, dim)
    assert (normals**2).sum() == pytest.approx(count * dim)
    for start in range(0, count, dim):
        block = normals[start : start + dim]
        np.testing.assert_allclose(block @ block.T, np.diag((block**2).sum(axis=1)), atol=1e-9)


def test_normals_have_the_identity_as_covariance():
    rng = np.random.default_rng(0)
    many = np.stack([orthogonal_normals(rng, 2, 3) for _ in range(20_000)])
    np.testing.assert_allclose(np.einsum("sni,snj->nij", many, many) / len(many), [np.eye(3)] * 2, atol=0.04)


def test_under_one_prior_every_label_narrows_the_posterior_and_the_prior_bounds_it():
    config = make_config(prior_deviation=[3.0, 3.0])
    a, b = unseen()
    variances = [fit_laplace(config, first(toy_inputs(), n)).logit_moments(a, b)[1] for n in (0, 2, 10, 40, 120)]
    # p (1 - p) changes with the mode, so a single direction may widen a little; the whole does not.
    assert all(after.mean() < before.mean() for before, after in pairwise(variances))
    assert all((later <= variances[0] * (1 + 1e-9)).all() for later in variances)


def test_the_prior_gives_random_completions_the_deviation_it_says():
    inputs = first(toy_inputs(count=2000), 0)
    for standardise in (False, True):
        model = fit_laplace(make_config(standardise=standardise, prior_deviation=[0.5, 4.0]), inputs)
        features = inputs.features
        _, variance = model.logit_moments(features[:2000], features[2000:])
        assert math.sqrt(variance.mean()) == pytest.approx(0.5, rel=0.05)


def test_more_of_a_signal_is_learnt_from_more_labels():
    inputs, truth = toy_inputs(count=2000), toy_inputs(count=2000).comparisons
    shares = []
    for labels in (20, 1000):
        rewards = fit_laplace(make_config(), first(inputs, labels)).rewards(inputs.features).mean(axis=0)
        shares.append((rewards[truth.winner[1000:]] > rewards[truth.loser[1000:]]).mean())
    assert shares[0] > 0.6
    assert shares[1] > shares[0]


@pytest.mark.parametrize("count", [0, 1])
def test_with_too_few_labels_the_prior_stands(count):
    model = fit_laplace(make_config(), first(toy_inputs(), count))
    assert model.epochs.tolist() == [0] * 32
    assert not model.mode.any()
    assert np.ptp(model.rewards(toy_inputs().features), axis=0).min() > 0


@pytest.mark.parametrize("standardise", [False, True])
def test_a_handful_of_labels_copied_or_constant_features_are_no_trouble(standardise):
    config = make_config(standardise=standardise)
    rng = np.random.default_rng(0)
    twice = np.repeat(rng.standard_normal((8, 3)), 3, axis=1)
    flat = np.ones((8, 4))
    half = np.concatenate([twice, flat], axis=1)
    for features in (twice, flat, half):
        for wins in ([True] * 4, [True, False] * 2):
            model = fit_laplace(config, make_inputs(features.astype(np.float32), np.array(wins)))
            assert (model.epochs > 0).all()
            assert np.isfinite(model.rewards(features.astype(np.float32))).all()
    constant = fit_laplace(config, make_inputs(flat.astype(np.float32), np.array([True] * 4)))
    mean, variance = constant.logit_moments(*(flat.astype(np.float32),) * 2)
    assert not mean.any()
    assert not variance.any()


def test_a_shift_of_all_features_changes_no_logit():
    inputs = toy_inputs()
    a, b = unseen()
    here, there = (fit_laplace(make_config(), toy) for toy in (inputs, make_shifted(inputs, np.float32(8.0))))
    np.testing.assert_allclose(here.logit_moments(a, b), there.logit_moments(a + 8, b + 8), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(here.rewards(a), there.rewards(a + 8), rtol=1e-3, atol=1e-2)


def make_shifted(inputs, shift):
    mean, deviation = inputs.moments()
    return replace(inputs, features=inputs.features + shift, moments=lambda: (mean + shift, deviation))


def test_same_seed_same_bytes_other_seed_or_round_other_draws_of_the_same_posterior():
    a, b = unseen()
    base = fit_laplace(make_config(), toy_inputs())
    assert base.rewards(a).tobytes() == fit_laplace(make_config(), toy_inputs()).rewards(a).tobytes()
    for change in ({"seed": 1}, {"round_": 1}):
        other = fit_laplace(make_config(), toy_inputs(**change))
        assert base.rewards(a).tobytes() != other.rewards(a).tobytes()
        np.testing.assert_array_equal(base.logit_moments(a, b), other.logit_moments(a, b))


def test_a_validation_set_is_not_read():
    inputs = toy_inputs()
    shared = replace(inputs, validation=first(inputs, 0).comparisons)
    one, two = (fit_laplace(make_config(), given_).rewards(inputs.features) for given_ in (inputs, shared))
    assert one.tobytes() == two.tobytes()


@pytest.mark.parametrize("labels", [0, 4, 100])
def test_save_and_load_give_the_same_model_and_bytes(tmp_path, labels):
    model = fit_laplace(make_config(), first(toy_inputs(), labels))
    save_model(tmp_path / "m.safetensors", "laplace", model, {"encoder": "words"})
    loaded, provenance = load_model(tmp_path / "m.safetensors")
    a, b = unseen()
    assert loaded.rewards(a).tobytes() == model.rewards(a).tobytes()
    np.testing.assert_array_equal(loaded.logit_moments(a, b), model.logit_moments(a, b))
    assert loaded.temperature == 1.0
    save_model(tmp_path / "again.safetensors", "laplace", loaded, provenance)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_the_kind_is_chosen_by_its_name():
    inputs = toy_inputs()
    reward = make_params(reward__kind="laplace").reward
    assert fit_model(reward, inputs).rewards(inputs.features).tobytes() == (
        fit_laplace(reward.laplace, inputs).rewards(inputs.features).tobytes()
    )


def test_rewards_are_linear_in_the_last_layer():
    inputs = toy_inputs()
    model = fit_laplace(make_config(), inputs)
    layer = model.last_layer(inputs.features)
    np.testing.assert_allclose(
        layer @ model.draws.numpy().T, model.rewards(inputs.features).T, rtol=1e-4, atol=1e-4
    )
