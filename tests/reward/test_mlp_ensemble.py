"""The ensemble's parts and limits: initial weights, step sizes, gradients, few labels, files."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.functional import logsigmoid

from prefloop.errors import ConfigError, StateError
from prefloop.reward.batched import BatchedMLP, initial_network
from prefloop.reward.inputs import Comparisons
from prefloop.reward.mlp_ensemble import fit_mlp_ensemble
from prefloop.reward.optimise import clipped, step_size
from prefloop.reward.registry import load_model, save_model
from tests.reward.mlp import fit, make_config, make_inputs, toy_data


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
    loss = -(weight * logsigmoid(won - lost)).mean(dim=-1) + magnitude * (won + lost).square().mean(dim=-1)
    loss.sum().backward()
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
    config = make_config(temperature="held_out", members=3, layers=[8], init="xavier", learning_rate=0.01)
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
