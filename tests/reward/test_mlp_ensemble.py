"""The batched ensemble against members trained one after another by torch's own modules."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid
from torch.nn.utils import clip_grad_norm_

from prefloop.errors import ConfigError, StateError
from prefloop.reward.batched import BatchedMLP
from prefloop.reward.comparisons import Comparisons
from prefloop.reward.groups import hold_outs
from prefloop.reward.initial import initial_network
from prefloop.reward.inputs import FitInputs
from prefloop.reward.mlp_ensemble import fit_mlp_ensemble, hold_out_members
from prefloop.reward.optimise import clipped, step_size
from prefloop.reward.registry import load_model, save_model
from prefloop.rng import Stream, generator
from prefloop.target import label_weights
from tests.worlds import make_params

CPU = torch.device("cpu")


def no_moments():
    raise AssertionError("standardise is off")


def make_config(**changes):
    dotted = {f"reward__mlp_ensemble__{key}": value for key, value in changes.items()}
    return make_params(**dotted).reward.mlp_ensemble


def toy_data(seed=0, count=120, dim=6):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((2 * count, dim)).astype(np.float32)
    utility = features @ rng.standard_normal(dim)
    first_wins = rng.random(count) < 1 / (1 + np.exp(utility[count:] - utility[:count]))
    rows = np.arange(count)
    return features, Comparisons(
        np.where(first_wins, rows, rows + count), np.where(first_wins, rows + count, rows)
    )


def fit(config, features, comparisons, seed=0, round_=0, validation=None):
    return fit_mlp_ensemble(config, make_inputs(features, comparisons, seed, round_, validation))


def make_inputs(features, comparisons, seed=0, round_=0, validation=None, moments=no_moments, groups=None):
    groups = np.arange(len(comparisons)) if groups is None else groups
    return FitInputs(features, comparisons, seed, round_, validation, moments, CPU, groups)


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


def unequal_groups(count):
    """Groups of 1, 2, 3, ... comparisons."""
    return np.repeat(np.arange(count), np.arange(1, count + 1))[:count]


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


def test_an_output_bias_changes_no_difference_and_does_not_move():
    features, comparisons = toy_data()
    config = make_config(bias="uniform", output_bias=True, init="xavier", weight_decay=0.0, max_epochs=20)
    start = initial_network(config, make_inputs(features, comparisons))
    model = fit(config, features, comparisons)
    assert (model.epochs > 0).all()
    assert torch.equal(model.network.biases[-1], start.biases[-1])
    assert not torch.equal(model.network.biases[0], start.biases[0])
    without = fit(config.model_copy(update={"output_bias": False}), features, comparisons)
    moved = model.rewards(features) - without.rewards(features)
    np.testing.assert_allclose(moved, np.broadcast_to(start.biases[-1][:, 0].numpy(), moved.shape), atol=1e-5)
    assert np.ptp(start.biases[-1].numpy()) > 0


def test_initial_biases_are_uniform_by_the_inputs_of_their_layer_and_leave_the_weights_alone():
    features, comparisons = toy_data(dim=16)
    inputs = make_inputs(features, comparisons)
    config = make_config(layers=[400, 100], members=5)
    zero = initial_network(config, inputs)
    drawn = initial_network(config.model_copy(update={"bias": "uniform", "output_bias": True}), inputs)
    assert all(torch.equal(a, b) for a, b in zip(zero.weights, drawn.weights, strict=True))
    assert all((b == 0).all() for b in zero.biases)
    assert [tuple(b.shape) for b in drawn.biases] == [(5, 1, 400), (5, 1, 100), (5, 1, 1)]
    for bias, fan_in in zip(drawn.biases, (16, 400, 100), strict=True):
        assert bias.abs().max() <= fan_in**-0.5
    for bias, fan_in in zip(drawn.biases[:2], (16, 400), strict=True):
        assert float(bias.std()) == pytest.approx(fan_in**-0.5 / 3**0.5, rel=0.05)
    assert len({row.numpy().tobytes() for row in drawn.biases[0]}) == 5


def test_the_linear_schedule_warms_up_and_ends_at_zero():
    config = make_config(schedule="linear", warmup_steps=5, learning_rate=0.8)
    sizes = [step_size(config, step, 25) for step in range(26)]
    np.testing.assert_allclose(sizes[:6], 0.8 * np.arange(6) / 5)
    np.testing.assert_allclose(np.diff(sizes[5:]), -0.8 / 20)
    assert sizes[-1] == 0
    assert max(step_size(config, step, 3) for step in range(3)) <= 0.8
    constant = config.model_copy(update={"schedule": "constant"})
    assert {step_size(constant, step, 25) for step in range(26)} == {0.8}


def test_clipping_limits_each_member_s_own_norm():
    draw = torch.Generator().manual_seed(0)
    gradients = [torch.randn(shape, generator=draw) for shape in ((3, 5, 7), (3, 7, 1), (3, 1, 7))]
    scale = torch.tensor([0.01, 1.0, 0.0])
    gradients = [g * scale[:, None, None] for g in gradients]
    limited = clipped(gradients, 0.5)

    def norms(parts):
        return torch.cat([p.flatten(1) for p in parts], dim=1).norm(dim=1)

    torch.testing.assert_close(norms(limited), torch.tensor([float(norms(gradients)[0]), 0.5, 0.0]))
    for before, after in zip(gradients, limited, strict=True):
        assert torch.equal(before[0], after[0])
        torch.testing.assert_close(after[1] / after[1].norm(), before[1] / before[1].norm())
    assert clipped(gradients, None) is gradients


@pytest.mark.parametrize("magnitude", [0.0, 0.3])
@pytest.mark.parametrize("output_bias", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_gradients_equal_autograd(activation, output_bias, magnitude):
    generator_ = torch.Generator().manual_seed(0)
    shapes = [(3, 5, 7), (3, 7, 4), (3, 4, 1)]
    weights = [torch.randn(shape, generator=generator_, dtype=torch.float64) for shape in shapes]
    widths = (7, 4, 1) if output_bias else (7, 4)
    biases = [torch.randn((3, 1, width), generator=generator_, dtype=torch.float64) for width in widths]
    winners, losers = (torch.randn((3, 9, 5), generator=generator_, dtype=torch.float64) for _ in range(2))
    weight = torch.rand((3, 9), generator=generator_, dtype=torch.float64)
    network = BatchedMLP(weights, biases, activation)
    ours = network.gradients(torch.cat([winners, losers], dim=1), weight, magnitude)
    leaves = [p.clone().requires_grad_() for p in (*weights, *biases)]

    def forward(x):
        act = torch.tanh if activation == "tanh" else torch.relu
        for depth in range(2):
            x = act(x @ leaves[depth] + leaves[3 + depth])
        return (x @ leaves[2] + (leaves[5] if output_bias else 0))[..., 0]

    won, lost = forward(winners), forward(losers)
    (
        -(weight * logsigmoid(won - lost)).mean(dim=-1) + magnitude * (won + lost).square().mean(dim=-1)
    ).sum().backward()
    for got, leaf in zip(ours, leaves, strict=True):
        torch.testing.assert_close(got, leaf.grad)


def test_a_member_does_not_depend_on_the_others():
    features, comparisons = toy_data()
    many = fit(make_config(members=5, max_epochs=6), features, comparisons)
    few = fit(make_config(members=2, max_epochs=6), features, comparisons)
    np.testing.assert_allclose(many.rewards(features)[:2], few.rewards(features), atol=1e-5)


def test_learns_the_utility_and_members_disagree():
    features, comparisons = toy_data(count=400)
    model = fit(make_config(members=4, max_epochs=60, learning_rate=0.01), features, comparisons)
    rewards = model.rewards(features)
    won = (rewards[:, comparisons.winner] > rewards[:, comparisons.loser]).mean()
    assert won > 0.75
    assert np.ptp(rewards, axis=0).max() > 0.05


def test_same_seed_same_bytes_other_seed_or_round_other_members():
    features, comparisons = toy_data()
    config = make_config()
    base = fit(config, features, comparisons).rewards(features)
    assert base.tobytes() == fit(config, features, comparisons).rewards(features).tobytes()
    assert base.tobytes() != fit(config, features, comparisons, seed=1).rewards(features).tobytes()
    assert base.tobytes() != fit(config, features, comparisons, round_=1).rewards(features).tobytes()


@pytest.mark.parametrize("count", [0, 1])
def test_with_too_few_labels_the_ensemble_stays_untrained(count):
    features, comparisons = toy_data()
    model = fit(make_config(), features, Comparisons(comparisons.winner[:count], comparisons.loser[:count]))
    assert model.epochs.tolist() == [0, 0, 0]
    assert np.isfinite(model.rewards(features)).all()


@pytest.mark.parametrize("count", [2, 3, 7])
def test_a_handful_of_labels_is_enough_to_train(count):
    features, comparisons = toy_data()
    model = fit(make_config(), features, Comparisons(comparisons.winner[:count], comparisons.loser[:count]))
    assert (model.epochs > 0).all()


def test_a_shared_validation_set_replaces_the_held_out_share():
    features, comparisons = toy_data()
    half = Comparisons(comparisons.winner[:60], comparisons.loser[:60])
    rest = Comparisons(comparisons.winner[60:], comparisons.loser[60:])
    shared = fit(make_config(), features, half, validation=rest).rewards(features)
    own = fit(make_config(), features, half).rewards(features)
    assert not np.array_equal(shared, own)


def test_standardising_undoes_shift_and_scale():
    features, comparisons = toy_data()
    config = make_config(standardise=True)

    def standardised(values):
        moments = (values.mean(axis=0), values.std(axis=0))
        inputs = make_inputs(values, comparisons, moments=lambda: moments)
        return fit_mlp_ensemble(config, inputs).rewards(values)

    np.testing.assert_allclose(standardised(features), standardised(features * 7 + 3), atol=1e-3)


def test_a_label_of_weight_two_counts_as_two_in_the_temperature_and_in_the_loss_to_stop_on():
    features, comparisons = toy_data()
    half = Comparisons(comparisons.winner[:60], comparisons.loser[:60])
    rest = Comparisons(comparisons.winner[60:], comparisons.loser[60:])
    twice = Comparisons(*(np.concatenate([side, side[:20]]) for side in (rest.winner, rest.loser)))
    heavy = replace(rest, weights=np.where(np.arange(60) < 20, 2.0, 1.0))
    config = make_config(temperature="held_out", **FAST)
    one, other = (fit(config, features, half, validation=validation) for validation in (twice, heavy))
    np.testing.assert_allclose(one.temperature, other.temperature, rtol=1e-4)
    np.testing.assert_allclose(one.rewards(features), other.rewards(features), rtol=1e-4)


def test_temperature_does_not_raise_the_held_out_loss():
    features, comparisons = toy_data(count=60)
    changes = {"init": "xavier", "max_epochs": 200, "patience": 200, "learning_rate": 0.05}
    plain = fit(make_config(**changes), features, comparisons)
    cooled = fit(make_config(temperature="held_out", **changes), features, comparisons)
    assert cooled.temperature != 1.0
    np.testing.assert_allclose(cooled.rewards(features) * cooled.temperature, plain.rewards(features), rtol=1e-4)


@pytest.mark.parametrize("output_bias", [False, True])
def test_save_and_load_give_the_same_rewards_and_bytes(output_bias, tmp_path):
    features, comparisons = toy_data()
    config = make_config(temperature="held_out", bias="uniform", output_bias=output_bias)
    model = fit(config, features, comparisons)
    save_model(tmp_path / "m.safetensors", "mlp_ensemble", model, {"encoder": "words"})
    loaded, provenance = load_model(tmp_path / "m.safetensors")
    assert provenance == {"encoder": "words"}
    assert loaded.rewards(features).tobytes() == model.rewards(features).tobytes()
    save_model(tmp_path / "again.safetensors", "mlp_ensemble", loaded, provenance)
    assert (tmp_path / "again.safetensors").read_bytes() == (tmp_path / "m.safetensors").read_bytes()


def test_a_damaged_model_file_is_a_clear_error(tmp_path):
    (tmp_path / "m.safetensors").write_bytes(b"not weights")
    with pytest.raises(StateError, match=r"m\.safetensors is damaged"):
        load_model(tmp_path / "m.safetensors")


def test_last_layer_is_what_rewards_are_linear_in():
    features, comparisons = toy_data()
    model = fit(make_config(layers=[8, 5]), features, comparisons)
    hidden = model.last_layer(features)
    assert hidden.shape == (len(features), 3 * 5)
    for member in range(3):
        part = hidden[:, member * 5 : member * 5 + 5]
        _, residual, *_ = np.linalg.lstsq(part, model.rewards(features)[member], rcond=None)
        assert residual.size == 0 or residual[0] < 1e-6


def test_a_validation_set_without_a_decided_pair_is_refused():
    features, comparisons = toy_data()
    none = Comparisons(comparisons.winner[:0], comparisons.loser[:0])
    with pytest.raises(ConfigError, match="no validation label is decided"):
        fit(make_config(), features, comparisons, validation=none)


def test_a_loss_that_is_not_finite_is_named():
    features, comparisons = toy_data()
    features[comparisons.winner[0]] = np.nan
    with pytest.raises(StateError, match="not finite"):
        fit(make_config(max_epochs=2), features, comparisons)
