"""The anchored ensemble at its limits, and what it keeps."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from prefloop.errors import StateError
from prefloop.reward.anchored_ensemble import anchor_weight, fit_anchored_ensemble, passes
from prefloop.reward.batched import initial_network
from prefloop.reward.registry import fit_model, load_model, save_model
from tests.reward.anchored import SMALL, first, make_config, make_inputs, rewards, toy_inputs
from tests.worlds import make_params


def test_the_stronger_the_anchor_the_nearer_to_the_initial_weights():
    inputs = toy_inputs()
    start = initial_network(make_config(), inputs)

    def distance(anchor):
        model = fit_anchored_ensemble(make_config(anchor=anchor, anchor_half_life=1e9, epochs=20), inputs)
        moved = [now - before for now, before in zip(model.network.parameters(), start.parameters(), strict=True)]
        return math.sqrt(sum(float((m**2).sum()) for m in moved) / start.parameters_per_member / 4)

    free, weak, strong, infinite = (distance(anchor) for anchor in (0.0, 10.0, 100.0, 1e9))
    assert free > weak > strong > infinite
    # Adam's steps have a length of their own, so an infinite pull leaves a tremble, not exactly zero.
    assert infinite < 0.1 * make_config().learning_rate


def test_the_anchor_halves_with_every_half_life_of_labels():
    config = make_config(anchor=3.0, anchor_half_life=200)
    assert anchor_weight(config, 0) == 3.0
    assert anchor_weight(config, 200) == 1.5
    assert anchor_weight(config, 600) == 0.375
    weights = [anchor_weight(config, labels) for labels in range(0, 5000, 50)]
    assert all(after < before for before, after in pairwise(weights))
    ratios = np.diff(np.log(weights))
    np.testing.assert_allclose(ratios, ratios[0])


@pytest.mark.parametrize(("labels", "expected"), [(2, 100), (64, 100), (65, 50), (960, 7), (1280, 5), (9999, 5)])
def test_few_labels_are_passed_over_more_often(labels, expected):
    assert passes(make_config(batch_size=64, steps=100, epochs=5), labels) == expected


def test_the_anchor_depends_on_the_number_of_labels():
    inputs = toy_inputs()
    # One half-life of 120 labels against a constant weight half as large: the same training.
    decayed = rewards(make_config(anchor=8.0, anchor_half_life=120), inputs)
    constant = rewards(make_config(anchor=4.0, anchor_half_life=1e12), inputs)
    np.testing.assert_allclose(decayed, constant, atol=1e-5)


def test_the_penalty_keeps_rewards_near_zero():
    inputs = toy_inputs(count=300)

    def centre(magnitude):
        return np.abs(rewards(make_config(magnitude=magnitude, epochs=30, anchor=0.0), inputs)).mean()

    assert centre(3.0) < 0.8 * centre(0.0)


def test_a_member_does_not_depend_on_the_others():
    inputs = toy_inputs()
    many, few = rewards(make_config(members=5), inputs), rewards(make_config(members=2), inputs)
    np.testing.assert_allclose(many[:2], few, atol=1e-5)


def test_same_seed_same_bytes_other_seed_or_round_other_members():
    config = make_config()
    base = rewards(config, toy_inputs())
    assert base.tobytes() == rewards(config, toy_inputs()).tobytes()
    assert base.tobytes() != rewards(config, toy_inputs(seed=1)).tobytes()
    assert base.tobytes() != rewards(config, toy_inputs(round_=1)).tobytes()


def test_a_validation_set_is_not_read():
    inputs = toy_inputs()
    shared = replace(inputs, validation=first(inputs, 0))
    assert rewards(make_config(), shared).tobytes() == rewards(make_config(), inputs).tobytes()


@pytest.mark.parametrize("count", [0, 1])
def test_with_too_few_labels_the_ensemble_stays_untrained(count):
    inputs = toy_inputs()
    model = fit_anchored_ensemble(make_config(), replace(inputs, comparisons=first(inputs, count)))
    assert model.epochs.tolist() == [0] * 4
    start = initial_network(make_config(), inputs).rewards(torch.from_numpy(inputs.features)).numpy()
    np.testing.assert_array_equal(model.rewards(inputs.features), start)


@pytest.mark.parametrize("count", [2, 3, 17])
def test_a_handful_of_labels_is_enough_to_train(count):
    inputs = toy_inputs()
    model = fit_anchored_ensemble(make_config(), replace(inputs, comparisons=first(inputs, count)))
    assert (model.epochs > 0).all()


@pytest.mark.parametrize("seed", range(3))
def test_members_agree_near_the_data_and_disagree_far_from_it(seed):
    rng = np.random.default_rng(seed)
    features = near_one_axis(rng, 400)
    inputs = make_inputs(features, features[:200, 0] > features[200:, 0], seed=seed)
    model = fit_anchored_ensemble(make_config(members=20, layers=[32, 32], epochs=30), inputs)
    # Differences of reward, since a constant is not identified.
    near = model.rewards(near_one_axis(rng, 200))
    far = model.rewards(near_one_axis(rng, 200)[:, ::-1].copy())

    def sigma(values):
        return (values[:, :100] - values[:, 100:]).std(axis=0, ddof=1).mean()

    assert sigma(near) < 0.7 * sigma(far)


def near_one_axis(rng, count):
    """Features that vary along the first axis only, apart from a little noise."""
    features = 0.05 * rng.standard_normal((count, 4))
    features[:, 0] += rng.uniform(-2, 2, count)
    return features.astype(np.float32)


def test_learns_the_utility_and_members_disagree():
    inputs = toy_inputs(count=400)
    values = rewards(make_config(epochs=30), inputs)
    won = (values[:, inputs.comparisons.winner] > values[:, inputs.comparisons.loser]).mean()
    assert won > 0.75
    assert np.ptp(values, axis=0).max() > 0.05


def test_save_and_load_give_the_same_rewards_and_bytes(tmp_path):
    inputs = toy_inputs()
    model = fit_anchored_ensemble(make_config(), inputs)
    save_model(tmp_path / "m.safetensors", "anchored_ensemble", model, {"encoder": "words"})
    loaded, provenance = load_model(tmp_path / "m.safetensors")
    assert provenance == {"encoder": "words"}
    assert loaded.rewards(inputs.features).tobytes() == model.rewards(inputs.features).tobytes()
    save_model(tmp_path / "again.safetensors", "anchored_ensemble", loaded, provenance)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_the_kind_is_chosen_by_its_name():
    small = {f"reward__anchored_ensemble__{key}": value for key, value in SMALL.items()}
    reward = make_params(reward__kind="anchored_ensemble", **small).reward
    inputs = toy_inputs()
    by_name = fit_model(reward, inputs).rewards(inputs.features)
    assert by_name.tobytes() == rewards(reward.anchored_ensemble, inputs).tobytes()


def test_a_loss_that_is_not_finite_is_named():
    inputs = toy_inputs()
    inputs.features[inputs.comparisons.winner[0]] = np.nan
    with pytest.raises(StateError, match=r"not finite.*reward\.anchored_ensemble\.learning_rate"):
        fit_anchored_ensemble(make_config(), inputs)
