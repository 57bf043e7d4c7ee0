"""The batched ensemble against members trained one after another by torch's own modules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid
from torch.nn.utils import clip_grad_norm_

from prefloop.reward.batched import initial_network
from prefloop.reward.groups import hold_outs
from prefloop.reward.inputs import Comparisons
from prefloop.reward.mlp_ensemble import fit_mlp_ensemble, hold_out_members
from prefloop.rng import Stream, generator
from prefloop.target import label_weights
from tests.reward.mlp import fit, make_config, make_inputs, toy_data, unequal_groups


def plain_network(start, member, config):
    """One member's initial parameters in torch.nn modules, float64."""
    layers = []
    for depth, weight in enumerate(start.weights):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[2], bias=depth < len(start.biases))
        linear.weight.data = weight[member].T.clone()
        if depth < len(start.biases):
            linear.bias.data = start.biases[depth][member, 0].clone()
        layers += [linear, torch.nn.Tanh() if config.activation == "tanh" else torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1]).double()


def one_after_another(config, inputs):
    """Each member by itself: torch.nn modules, autograd, torch.optim.AdamW, its own early stopping."""
    start, comparisons = initial_network(config, inputs), inputs.comparisons
    x = torch.from_numpy(inputs.features)
    wanted = max(1, round(config.holdout * len(comparisons)))
    rewards, epochs, norms = [], [], []
    for member in range(config.members):
        network = plain_network(start, member, config)
        rng = generator(inputs.seed, inputs.round_, Stream.HOLDOUT, member)
        if config.holdout_by == "prompts":
            held = hold_outs(inputs.groups, wanted, [rng])[0]
        else:
            held = np.isin(np.arange(len(comparisons)), rng.permutation(len(comparisons))[:wanted])
        train, stop = np.flatnonzero(~held), np.flatnonzero(held)
        shuffler = generator(inputs.seed, inputs.round_, Stream.SHUFFLE, member)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

        steps = config.max_epochs * -(-(len(comparisons) - wanted) // config.batch_size)

        def share(step, steps=steps, warm=config.warmup_steps):
            return min(step / warm, (steps - step) / (steps - warm)) if config.schedule == "linear" else 1.0

        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)

        def loss(rows, network=network):
            won, lost = network(x[comparisons.winner[rows]]), network(x[comparisons.loser[rows]])
            return -(torch.from_numpy(comparisons.weight[rows])[:, None] * logsigmoid(won - lost)).mean()

        best, waited, done = (np.inf, None), 0, 0
        ahead, length = np.zeros(0, dtype=np.int64), len(comparisons) - wanted
        while done < config.max_epochs and waited < config.patience:
            while len(ahead) < length:
                ahead = np.concatenate([ahead, train[shuffler.permutation(len(train))]])
            shuffled, ahead = ahead[:length], ahead[length:]
            for first in range(0, length, config.batch_size):
                optimiser.zero_grad()
                loss(shuffled[first : first + config.batch_size]).backward()
                if config.clip_norm is not None:
                    norms.append(float(clip_grad_norm_(network.parameters(), config.clip_norm)))
                optimiser.step()
                schedule.step()
            done += 1
            value = float(loss(stop).detach()) / comparisons.weight[stop].mean()
            if value < best[0]:
                best, waited = (value, network(x).detach()[:, 0].numpy()), 0
            else:
                waited += 1
        rewards.append(best[1])
        epochs.append(done)
    if config.clip_norm is not None:
        assert min(norms) < config.clip_norm < max(norms), "some gradients should be clipped, and some not"
    return np.stack(rewards), np.array(epochs)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("layers", [[16], [12, 5]])
@pytest.mark.parametrize("holdout_by", ["pairs", "prompts"])
@pytest.mark.parametrize("weighted", [False, True])
def test_batched_members_equal_members_trained_one_after_another(activation, layers, holdout_by, weighted):
    config = make_config(
        holdout_by=holdout_by,
        activation=activation,
        layers=layers,
        init="xavier",
        members=4,
        max_epochs=25,
        patience=2,
        batch_size=16,
        learning_rate=0.01,
    )
    features, comparisons = toy_data()
    if weighted:
        comparisons = replace(comparisons, weights=label_weights(unequal_groups(120), 0.5))
    # In float64: rounding grows along a trajectory, and differs from processor to processor.
    inputs = make_inputs(features.astype(np.float64), comparisons, seed=3, round_=2, groups=unequal_groups(120))
    model = fit_mlp_ensemble(config, inputs)
    rewards, epochs = one_after_another(config, inputs)
    np.testing.assert_array_equal(model.epochs, epochs)
    assert len(set(epochs.tolist())) > 1, "members should stop independently in this test"
    np.testing.assert_allclose(model.rewards(inputs.features), rewards, rtol=1e-5, atol=1e-6)


def test_members_with_unequal_held_out_groups_differ_in_training_rows():
    features, comparisons = toy_data()
    inputs = make_inputs(features, comparisons, groups=unequal_groups(120))
    held = hold_out_members(make_config(members=3), inputs)
    assert len({int(mask.sum()) for mask in held}) > 1
    for mask in held:
        assert not {*inputs.groups[mask]} & {*inputs.groups[~mask]}


def trained_for(config, inputs, epochs):
    """Rewards of members trained one after another on all comparisons for given numbers of epochs, [M, C]."""
    start, pairs, x = initial_network(config, inputs), inputs.comparisons, torch.from_numpy(inputs.features)
    rewards = []
    for member, passes in enumerate(epochs):
        network = plain_network(start, member, config)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        shuffler = generator(inputs.seed, inputs.round_, Stream.SHUFFLE, member)
        for _ in range(passes):
            order = shuffler.permutation(len(pairs))
            for first in range(0, len(order), config.batch_size):
                rows = order[first : first + config.batch_size]
                optimiser.zero_grad()
                margins = network(x[pairs.winner[rows]]) - network(x[pairs.loser[rows]])
                (-logsigmoid(margins).mean()).backward()
                optimiser.step()
        rewards.append(network(x).detach()[:, 0].numpy())
    return np.stack(rewards)


FAST = {"members": 3, "layers": [8], "init": "xavier", "batch_size": 16, "learning_rate": 0.01}


@pytest.mark.parametrize(("lone", "most", "passes"), [(16, 30, 4), (50, 6, 6), (1, 30, 1)])
def test_labels_of_one_prompt_are_all_trained_on_for_a_fixed_number_of_steps(lone, most, passes):
    config = make_config(lone_steps=lone, max_epochs=most, temperature="held_out", **FAST)
    features, comparisons = toy_data(count=50)
    inputs = make_inputs(features.astype(np.float64), comparisons, groups=np.zeros(50, dtype=np.int64))
    model = fit_mlp_ensemble(config, inputs)
    assert model.epochs.tolist() == [passes] * 3
    assert model.temperature == 1.0
    expected = trained_for(config, inputs, model.epochs)
    np.testing.assert_allclose(model.rewards(inputs.features), expected, rtol=1e-5, atol=1e-6)


def test_refitting_trains_on_everything_for_each_member_s_best_epoch():
    config = make_config(refit=True, max_epochs=25, patience=2, **FAST)
    features, comparisons = toy_data()
    inputs = make_inputs(features.astype(np.float64), comparisons, groups=unequal_groups(120))
    model = fit_mlp_ensemble(config, inputs)
    assert np.all(model.epochs < 25), "otherwise the best epoch is not known from the last"
    expected = trained_for(config, inputs, model.epochs - 2)
    np.testing.assert_allclose(model.rewards(inputs.features), expected, rtol=1e-5, atol=1e-6)


def test_a_long_epoch_is_looked_at_within_itself():
    features, comparisons = toy_data()
    inputs = make_inputs(features.astype(np.float64), comparisons, groups=unequal_groups(120))
    # 6 or 7 steps an epoch: looks at the end of an epoch, at every second step, and at an epoch's own length.
    by_epoch, often, same = (
        fit_mlp_ensemble(make_config(**{**FAST, "learning_rate": 0.2}, max_epochs=20, look_every=every), inputs)
        for every in (1000, 2, 7)
    )
    np.testing.assert_array_equal(by_epoch.rewards(inputs.features), same.rewards(inputs.features))
    assert (often.epochs <= by_epoch.epochs).all()
    assert (often.epochs < by_epoch.epochs).any()


def test_a_validation_set_serves_labels_of_one_prompt_too():
    features, comparisons = toy_data()
    half = Comparisons(comparisons.winner[:60], comparisons.loser[:60])
    rest = Comparisons(comparisons.winner[60:], comparisons.loser[60:])
    one, many = (
        fit_mlp_ensemble(make_config(), make_inputs(features, half, validation=rest, groups=groups))
        for groups in (np.zeros(60, dtype=np.int64), np.arange(60))
    )
    assert one.rewards(features).tobytes() == many.rewards(features).tobytes()


PUBLISHED = {
    "bias": "uniform",
    "output_bias": True,
    "schedule": "linear",
    "warmup_steps": 5,
    "clip_norm": 0.5,
    "weight_decay": 0.0,
}


@pytest.mark.parametrize("option", [*PUBLISHED, "all"])
def test_with_the_options_of_the_published_code_too(option):
    options = PUBLISHED if option == "all" else {option: PUBLISHED[option]}
    sizes = {"init": "xavier", "layers": [12, 5], "members": 3, "max_epochs": 8, "batch_size": 16}
    config = make_config(learning_rate=0.01, **sizes, **options)
    features, comparisons = toy_data()
    features = features.astype(np.float64)
    inputs = make_inputs(features, comparisons, seed=3, round_=2, groups=unequal_groups(120))
    model = fit_mlp_ensemble(config, inputs)
    rewards, epochs = one_after_another(config, inputs)
    np.testing.assert_array_equal(model.epochs, epochs)

    def margins(values):
        return values[:, comparisons.winner] - values[:, comparisons.loser]

    np.testing.assert_allclose(margins(model.rewards(features)), margins(rewards), atol=2e-3)
    if option not in ("warmup_steps", "output_bias"):  # they do nothing without the schedule, and to differences
        plain = fit(make_config(learning_rate=0.01, **sizes), features, comparisons, seed=3, round_=2)
        assert np.abs(margins(model.rewards(features)) - margins(plain.rewards(features))).max() > 1e-3
