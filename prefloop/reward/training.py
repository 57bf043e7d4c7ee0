"""Training all members at once, each with its own examples, order and early stopping."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

from prefloop.config.model import MlpEnsemble as Config
from prefloop.reward.batched import BatchedMLP, bradley_terry_loss
from prefloop.reward.optimise import AdamW, clipped, epoch_batches, require_finite, shufflers, step_size

Tensor = torch.Tensor


@dataclass(frozen=True)
class TrainingSet:
    """Features of the labelled comparisons, on the training device.

    Attributes:
        pairs: float32 [2n, D]; comparison i has its winner in row i, its loser in row n + i.
        train: int64 [M, n_train], each member's own training rows.
        held_out: int64 [M, n_held], the rows each member stops on; rows of `stop_winners`.
        stop_winners, stop_losers: float32 [n', D], where the held-out rows point to.
    """

    pairs: Tensor
    train: Tensor
    held_out: Tensor
    stop_winners: Tensor
    stop_losers: Tensor


def train_members(network: BatchedMLP, data: TrainingSet, config: Config, seed: int, round_: int) -> np.ndarray:
    """Train `network` in place by AdamW; every member ends with its best weights.

    A member whose held-out loss has not improved for `patience` epochs leaves the batch, so the
    rest goes on without paying for it.

    Args:
        network: M members, freshly initialised.
        data: examples and each member's division of them.
        config: step size and its schedule, clipping, decay, batch size, epochs, patience.
        seed: the run's seed.
        round_: the round, so that every round shuffles anew.

    Returns:
        int64 [M], epochs each member trained.

    Raises:
        StateError: a held-out loss that is not finite.
    """
    members = network.weights[0].shape[0]
    orders = shufflers(seed, round_, members)
    best_loss = np.full(members, np.inf)
    waited = np.zeros(members, dtype=np.int64)
    epochs = np.zeros(members, dtype=np.int64)
    active = np.arange(members)
    current = network.select(torch.from_numpy(active).to(data.pairs.device))
    state = AdamW(current, config.weight_decay)
    step, steps = 0, config.max_epochs * math.ceil(data.train.shape[1] / config.batch_size)
    for _ in range(config.max_epochs):
        rows = data.train[torch.from_numpy(active).to(data.train.device)]
        for batch in epoch_batches(data.pairs, rows, [orders[m] for m in active], config.batch_size):
            gradients = clipped(current.gradients(batch), config.clip_norm)
            state.step(current, gradients, step_size(config, step, steps))
            step += 1
        epochs[active] += 1
        losses = held_out_losses(current, data, active)
        require_finite(losses, active, "reward.mlp_ensemble")
        better = losses < best_loss[active]
        best_loss[active[better]] = losses[better]
        waited[active] = np.where(better, 0, waited[active] + 1)
        _keep(network, current, active, better)
        going = waited[active] < config.patience
        if not going.any():
            break
        if not going.all():
            chosen = torch.from_numpy(np.flatnonzero(going)).to(data.pairs.device)
            current, state, active = current.select(chosen), state.select(chosen), active[going]
    return epochs


def held_out_losses(network: BatchedMLP, data: TrainingSet, members: np.ndarray) -> np.ndarray:
    """Bradley-Terry loss of each member on its own held-out comparisons, float64 [len(members)]."""
    rows = data.held_out[torch.from_numpy(members).to(data.held_out.device)]
    won = network.rewards(data.stop_winners[rows])
    lost = network.rewards(data.stop_losers[rows])
    losses: np.ndarray = bradley_terry_loss(won, lost).double().cpu().numpy()
    return losses


def _keep(network: BatchedMLP, current: BatchedMLP, active: np.ndarray, better: np.ndarray) -> None:
    source = np.flatnonzero(better)
    for best, now in zip(network.parameters(), current.parameters(), strict=True):
        best[active[better]] = now[source]
