"""The anchored ensemble's training against autograd and against its members one by one."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import logsigmoid

from prefloop.reward.anchored_ensemble import anchored_gradients, fit_anchored_ensemble
from prefloop.reward.batched import BatchedMLP, initial_network
from prefloop.rng import Stream, generator
from tests.reward.anchored import make_config, toy_inputs


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
