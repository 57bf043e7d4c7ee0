"""What a plain implementation of the ensembles does: one torch.nn module and one optimiser a member."""

from __future__ import annotations

import math
from itertools import chain

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from prefloop.reward.anchored_ensemble import anchor_weight, passes
from prefloop.reward.batched import BatchedMLP, initial_network
from prefloop.reward.inputs import FitInputs
from prefloop.reward.kinds import AnchoredEnsemble, MlpEnsemble
from prefloop.reward.mlp_ensemble import hold_out_members
from prefloop.rng import Stream, generator


def mlp_members(config: MlpEnsemble, inputs: FitInputs) -> tuple[np.ndarray, list[int]]:
    """BAL-PM's members: loss [M] on each one's held-out pairs, and epochs."""
    start = initial_network(config, inputs)
    won, lost = _features(inputs)
    losses, epochs = [], []
    for member in range(config.members):
        network = _module(start, member)
        optimiser = torch.optim.AdamW(
            network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        held = hold_out_members(config, inputs)[member]
        stop, train = torch.from_numpy(np.flatnonzero(held)), np.flatnonzero(~held)
        shuffler = generator(0, 0, Stream.SHUFFLE, member)
        best, waited, done = float("inf"), 0, 0
        while done < config.max_epochs and waited < config.patience:
            rows = torch.from_numpy(train[shuffler.permutation(len(train))])
            for batch in rows.split(config.batch_size):
                optimiser.zero_grad()
                (-logsigmoid(network(won[batch]) - network(lost[batch])).mean()).backward()
                optimiser.step()
            with torch.no_grad():
                value = float(-logsigmoid(network(won[stop]) - network(lost[stop])).mean())
            done += 1
            best, waited = (value, 0) if value < best else (best, waited + 1)
        losses.append(best)
        epochs.append(done)
    return np.array(losses), epochs


def anchored_members(config: AnchoredEnsemble, inputs: FitInputs) -> tuple[np.ndarray, list[int]]:
    """ActiveUltraFeedback's members: loss [M] on the training pairs, and epochs."""
    start = initial_network(config, inputs)
    won, lost = _features(inputs)
    weight, epochs, losses = anchor_weight(config, len(won)), passes(config, len(won)), []
    for member in range(config.members):
        network = _module(start, member)
        before = torch.cat([p.detach().clone().flatten() for p in network.parameters()])
        optimiser = torch.optim.AdamW(network.parameters(), lr=config.learning_rate, weight_decay=0.0)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimiser, epochs * math.ceil(len(won) / config.batch_size)
        )
        shuffler = generator(0, 0, Stream.SHUFFLE, member)
        orders = (torch.from_numpy(shuffler.permutation(len(won))) for _ in range(epochs))
        for batch in chain.from_iterable(rows.split(config.batch_size) for rows in orders):
            optimiser.zero_grad()
            r_won, r_lost = network(won[batch]), network(lost[batch])
            moved = torch.cat([p.flatten() for p in network.parameters()]) - before
            loss = -logsigmoid(r_won - r_lost).mean() + config.magnitude * ((r_won + r_lost) ** 2).mean()
            (loss + weight * (moved**2).mean()).backward()
            optimiser.step()
            schedule.step()
        with torch.no_grad():
            losses.append(float(-logsigmoid(network(won) - network(lost)).mean()))
    return np.array(losses), [epochs] * config.members


def _features(inputs: FitInputs) -> tuple[torch.Tensor, torch.Tensor]:
    pairs = inputs.comparisons
    return torch.from_numpy(inputs.features[pairs.winner]), torch.from_numpy(inputs.features[pairs.loser])


def _module(start: BatchedMLP, member: int) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for depth, weight in enumerate(start.weights):
        layer = torch.nn.Linear(weight.shape[1], weight.shape[2], bias=depth < len(start.biases))
        layer.weight.data = weight[member].T.clone()
        if depth < len(start.biases):
            layer.bias.data.zero_()
        layers += [layer, torch.nn.Tanh() if start.activation == "tanh" else torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])
