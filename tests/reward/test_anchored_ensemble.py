"""The anchored ensemble against autograd, against its members one by one, and at its limits."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import logsigmoid

from prefloop.errors import StateError
from prefloop.reward.anchored_ensemble import anchor_weight, anchored_gradients, fit_anchored_ensemble, passes
from prefloop.reward.batched import BatchedMLP
from prefloop.reward.comparisons import Comparisons
from prefloop.reward.initial import initial_network
from prefloop.reward.inputs import FitInputs
from prefloop.reward.registry import fit_model, load_model, save_model
from prefloop.rng import Stream, generator
from tests.worlds import make_params

CPU = torch.device("cpu")
SMALL = {
    "members": 4,
    "layers": [12, 5],
    "standardise": False,
    "learning_rate": 0.01,
    "batch_size": 16,
    "steps": 1,
    "epochs": 6,
    "anchor": 2.0,
    "anchor_half_life": 100,
    "magnitude": 0.1,
}


def make_config(**changes):
    dotted = {f"reward__anchored_ensemble__{key}": value for key, value in (SMALL | changes).items()}
    return make_params(**dotted).reward.anchored_ensemble


def toy_inputs(count=120, **changes):
    """Random features, a linear utility, Bradley-Terry answers."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * count, 6)).astype(np.float32)
    utility = features @ rng.standard_normal(6)
    wins = rng.random(count) < 1 / (1 + np.exp(utility[count:] - utility[:count]))
    return make_inputs(features, wins, **changes)


def make_inputs(features, wins, **changes):
    """Comparisons of the first half of the rows with the second, won where `wins`."""

    def no_moments():
        raise AssertionError("standardise is off")

    first, second = np.arange(len(features)).reshape(2, -1)
    pairs = Comparisons(np.where(wins, first, second), np.where(wins, second, first))
    return replace(FitInputs(features, pairs, 0, 0, None, no_moments, CPU, np.arange(len(first))), **changes)


def first(inputs, count):
    pairs = inputs.comparisons
    return Comparisons(pairs.winner[:count], pairs.loser[:count])


def rewards(config, inputs):
    return fit_anchored_ensemble(config, inputs).rewards(inputs.features)


def random_network(rng, dim, layers, activation):
    shapes = [(3, a, b) for a, b in zip([dim, *layers], [*layers, 1], strict=True)]
    weights = [torch.from_numpy(rng.standard_normal(shape)) for shape in shapes]
    return BatchedMLP(weights, [torch.from_numpy(rng.standard_normal((3, 1, b))) for b in layers], activation)


def member_loss(parameters, start, won, lost, config, weight=1.0):
    """The documented loss of one member: `parameters` and `start` are lists of weights, then of biases."""
    depth = (len(parameters) + 1) // 2

    def forward(x):
        for layer in range(depth - 1):
            x = x @ parameters[layer] + parameters[depth + layer]
            x = torch.tanh(x) if config["activation"] == "tanh" else torch.relu(x)
        return (x @ parameters[depth - 1])[..., 0]

    r_won, r_lost = forward(won), forward(lost)
    moved = torch.cat([(now - before).flatten() for now, before in zip(parameters, start, strict=True)])
    return (
        -(weight * logsigmoid(r_won - r_lost)).mean()
        + config["magnitude"] * ((r_won + r_lost) ** 2).mean()
        + config["anchor"] * (moved**2).mean()
    )


@settings(deadline=None, max_examples=30)
@given(
    seed=st.integers(0, 2**32 - 1),
    layers=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    activation=st.sampled_from(["tanh", "relu"]),
    magnitude=st.sampled_from([0.0, 0.01, 3.0]),
    anchor=st.sampled_from([0.0, 0.5, 100.0]),
)
def test_gradients_equal_autograd(seed, layers, activation, magnitude, anchor):
    rng = np.random.default_rng(seed)
    network, start = (random_network(rng, 5, layers, activation) for _ in range(2))
    won, lost = (torch.from_numpy(rng.standard_normal((3, 7, 5))) for _ in range(2))
    weight = torch.from_numpy(rng.random((3, 7)))
    ours = anchored_gradients(network, start, torch.cat([won, lost], dim=1), weight, magnitude, anchor)
    config = {"activation": activation, "magnitude": magnitude, "anchor": anchor}
    for member in range(3):
        leaves = [p[member].clone().requires_grad_() for p in network.parameters()]
        before = [p[member] for p in start.parameters()]
        member_loss(leaves, before, won[member], lost[member], config, weight[member]).backward()
        for got, leaf in zip(ours, leaves, strict=True):
            torch.testing.assert_close(got[member], leaf.grad)


def one_after_another(config, inputs):
    """Each member by itself: autograd, torch.optim.AdamW and torch's own cosine schedule."""
    start = initial_network(config, inputs)
    x, pairs = torch.from_numpy(inputs.features), inputs.comparisons
    results = []
    for member in range(config.members):
        before = [p[member].clone() for p in start.parameters()]
        parameters = [p.clone().requires_grad_() for p in before]
        optimiser = torch.optim.AdamW(parameters, lr=config.learning_rate, weight_decay=0.0)
        steps = config.epochs * math.ceil(len(pairs) / config.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
        shuffler = generator(inputs.seed, inputs.round_, Stream.SHUFFLE, member)
        weight = config.anchor * 2 ** (-len(pairs) / config.anchor_half_life)
        terms = {"activation": config.activation, "magnitude": config.magnitude, "anchor": weight}
        for _ in range(config.epochs):
            order = shuffler.permutation(len(pairs))
            for place in range(0, len(pairs), config.batch_size):
                rows = order[place : place + config.batch_size]
                optimiser.zero_grad()
                member_loss(parameters, before, x[pairs.winner[rows]], x[pairs.loser[rows]], terms).backward()
                optimiser.step()
                schedule.step()
        weights, biases = parameters[: len(start.weights)], parameters[len(start.weights) :]
        network = BatchedMLP([w[None] for w in weights], [b[None] for b in biases], config.activation)
        results.append(network.rewards(x).detach().numpy()[0])
    return np.stack(results)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_batched_members_equal_members_trained_one_after_another(activation):
    config = make_config(activation=activation)
    # In float64: rounding grows along a trajectory, and differs from processor to processor.
    inputs = toy_inputs(seed=3, round_=2)
    inputs = replace(inputs, features=inputs.features.astype(np.float64))
    model = fit_anchored_ensemble(config, inputs)
    assert model.epochs.tolist() == [6] * 4
    assert model.temperature == 1.0
    np.testing.assert_allclose(
        model.rewards(inputs.features), one_after_another(config, inputs), rtol=1e-5, atol=1e-6
    )


def test_without_anchor_and_magnitude_the_loss_is_plain_bradley_terry():
    rng = np.random.default_rng(0)
    network, start = (random_network(rng, 5, [4], "relu") for _ in range(2))
    inputs = torch.from_numpy(rng.standard_normal((3, 8, 5)))
    weight = torch.ones((3, 4), dtype=torch.float64)
    ours = anchored_gradients(network, start, inputs, weight, 0.0, 0.0)
    plain = network.gradients(inputs, weight)
    assert all(torch.equal(a, b) for a, b in zip(ours, plain, strict=True))


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
