"""Training of all members at once, each with its own examples, order and early stopping."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from prefloop.reward.batched import BatchedMLP
from prefloop.reward.kinds import MlpEnsemble as Config
from prefloop.reward.optimise import (
    AdamW,
    RowStream,
    clipped,
    epoch_batches,
    require_finite,
    shufflers,
    step_size,
)

Tensor = torch.Tensor


@dataclass(frozen=True)
class TrainingSet:
    """Features of the labelled comparisons, on the training device, and each member's division of them.

    Attributes:
        pairs: float [2n, D]; comparison i has its winner in row i, its loser in row n + i.
        weight: float [n], what each comparison counts in the loss, mean 1.
        train: M arrays int64, each member's own training rows; not all of one length.
        epoch: rows of an epoch, the same for every member: one with fewer rows goes on into its next
            permutation of them, one with more takes longer than an epoch to see them all.
        look: rows between two looks at the held-out loss, at most an epoch's.
        held_out: int64 [M, H], the rows each member stops on; rows of `stop_winners`, padded with 0.
        is_held_out: bool [M, H], False where `held_out` is padding.
        stop_winners, stop_losers: float [n', D], where the held-out rows point to.
        stop_weight: float [n'], what these count.
    """

    pairs: Tensor
    weight: Tensor
    train: list[np.ndarray]
    epoch: int
    look: int
    held_out: Tensor
    is_held_out: Tensor
    stop_winners: Tensor
    stop_losers: Tensor
    stop_weight: Tensor


@dataclass(frozen=True)
class Stopped:
    """How long each member trained.

    Attributes:
        epochs: int64 [M], epochs trained, the last perhaps in part.
        best: int64 [M], the epoch in which the weights were kept, from 1.
    """

    epochs: np.ndarray
    best: np.ndarray


def train_members(network: BatchedMLP, data: TrainingSet, config: Config, seed: int, round_: int) -> Stopped:
    """Train `network` in place by AdamW; every member ends with its best weights.

    A member whose held-out loss has not improved in `patience` looks at it leaves the batch, so the
    rest goes on without paying for it. A look comes after every epoch, or after `look_every` steps where an
    epoch has more: with thousands of labels the best weights may come within the first epoch.

    Args:
        network: M members, freshly initialised.
        data: examples and each member's division of them.
        config: step size and its schedule, clipping, decay, batch size, epochs, patience.
        seed: the run's seed.
        round_: the round, so that every round shuffles anew.

    Returns:
        Epochs of each member.

    Raises:
        StateError: a held-out loss that is not finite.
    """
    members = network.weights[0].shape[0]
    streams = _streams(data.train, seed, round_)
    best_loss = np.full(members, np.inf)
    best, looks = np.zeros(members, dtype=np.int64), np.zeros(members, dtype=np.int64)
    active = np.arange(members)
    current = network.select(_index(active, data))
    state = AdamW(current, config.weight_decay)
    step, steps = 0, _planned(config, data.epoch)
    for look in range(1, math.ceil(config.max_epochs * data.epoch / data.look) + 1):
        rows = [streams[m] for m in active]
        for batch, weight in epoch_batches(data.pairs, data.weight, rows, data.look, config.batch_size):
            gradients = clipped(current.gradients(batch, weight), config.clip_norm)
            state.step(current, gradients, step_size(config, min(step, steps), steps))
            step += 1
        looks[active] = look
        losses = held_out_losses(current, data, active)
        require_finite(losses, active, "reward.mlp_ensemble")
        better = losses < best_loss[active]
        best_loss[active[better]], best[active[better]] = losses[better], look
        _keep(network, current, active, better)
        going = look - best[active] < config.patience
        if not going.any():
            break
        if not going.all():
            chosen = _index(np.flatnonzero(going), data)
            current, state, active = current.select(chosen), state.select(chosen), active[going]
    return Stopped(*(np.ceil(count * data.look / data.epoch).astype(np.int64) for count in (looks, best)))


def refit_members(
    network: BatchedMLP, data: TrainingSet, config: Config, seed: int, round_: int, epochs: np.ndarray
) -> None:
    """Train `network` in place on all comparisons, each member for a given number of epochs.

    Args:
        network: M members, freshly initialised.
        data: examples; the division is not looked at.
        config, seed, round_: as for `train_members`.
        epochs: int64 [M], passes over all comparisons.

    Raises:
        StateError: a loss that is not finite.
    """
    count = len(data.pairs) // 2
    streams = _streams([np.arange(count)] * len(epochs), seed, round_)
    active = np.arange(len(epochs))
    current = network.select(_index(active, data))
    state = AdamW(current, config.weight_decay)
    step, steps = 0, _planned(config, count)
    for epoch in range(1, int(epochs.max()) + 1):
        rows = [streams[m] for m in active]
        for batch, weight in epoch_batches(data.pairs, data.weight, rows, count, config.batch_size):
            gradients = clipped(current.gradients(batch, weight), config.clip_norm)
            state.step(current, gradients, step_size(config, step, steps))
            step += 1
        done = epochs[active] == epoch
        if done.any():
            _keep(network, current, active, done)
            chosen = _index(np.flatnonzero(~done), data)
            current, state, active = current.select(chosen), state.select(chosen), active[~done]
    largest = network.rewards(data.pairs).abs().amax(dim=1).double().cpu().numpy()
    require_finite(largest, np.arange(len(epochs)), "reward.mlp_ensemble")


def held_out_losses(network: BatchedMLP, data: TrainingSet, members: np.ndarray) -> np.ndarray:
    """Weighted mean Bradley-Terry loss of each member on what it held out, nats, float64 [len(members)]."""
    chosen = _index(members, data)
    rows, real = data.held_out[chosen], data.is_held_out[chosen]
    losses = -logsigmoid(network.rewards(data.stop_winners[rows]) - network.rewards(data.stop_losers[rows]))
    weight = data.stop_weight[rows] * real
    mean = (losses * weight).sum(dim=1) / weight.sum(dim=1)
    result: np.ndarray = mean.double().cpu().numpy()
    return result


def _planned(config: Config, rows: int) -> int:
    """Steps that a schedule is laid out for: those of all epochs."""
    return config.max_epochs * math.ceil(rows / config.batch_size)


def _streams(rows: list[np.ndarray], seed: int, round_: int) -> list[RowStream]:
    rngs = shufflers(seed, round_, len(rows))
    return [RowStream(member_rows, rng) for member_rows, rng in zip(rows, rngs, strict=True)]


def _index(members: np.ndarray, data: TrainingSet) -> Tensor:
    return torch.from_numpy(members).to(data.pairs.device)


def _keep(network: BatchedMLP, current: BatchedMLP, active: np.ndarray, chosen: np.ndarray) -> None:
    """Copy the parameters of some active members (bool [len(active)]) to `network`."""
    source = np.flatnonzero(chosen)
    for kept, now in zip(network.parameters(), current.parameters(), strict=True):
        kept[active[chosen]] = now[source]
