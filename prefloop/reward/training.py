"""Training all members at once, each with its own examples, order and early stopping."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.optim.adamw import adamw

from prefloop.config.model import MlpEnsemble as Config
from prefloop.errors import StateError
from prefloop.reward.batched import BatchedMLP, bradley_terry_loss
from prefloop.rng import Stream, generator

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
        config: step size, decay, batch size, epochs, patience.
        seed: the run's seed.
        round_: the round, so that every round shuffles anew.

    Returns:
        int64 [M], epochs each member trained.

    Raises:
        StateError: a held-out loss that is not finite.
    """
    members = network.weights[0].shape[0]
    shufflers = [generator(seed, round_, Stream.SHUFFLE, member) for member in range(members)]
    best_loss = np.full(members, np.inf)
    waited = np.zeros(members, dtype=np.int64)
    epochs = np.zeros(members, dtype=np.int64)
    active = np.arange(members)
    current = network.select(torch.from_numpy(active).to(data.pairs.device))
    state = _AdamW(current, config)
    for _ in range(config.max_epochs):
        _epoch(current, state, data, active, shufflers, config.batch_size)
        epochs[active] += 1
        losses = held_out_losses(current, data, active)
        if not np.isfinite(losses).all():
            wrong = active[~np.isfinite(losses)]
            raise StateError(
                f"the loss of {len(wrong)} members is not finite, first member {wrong[0]}: lower "
                "reward.mlp_ensemble.learning_rate, or check the features"
            )
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


def _epoch(
    network: BatchedMLP,
    state: _AdamW,
    data: TrainingSet,
    active: np.ndarray,
    shufflers: list[np.random.Generator],
    batch_size: int,
) -> None:
    count = data.train.shape[1]
    order = np.stack([shufflers[member].permutation(count) for member in active])
    device = data.train.device
    rows = data.train[torch.from_numpy(active).to(device)].gather(1, torch.from_numpy(order).to(device))
    for start in range(0, count, batch_size):
        batch = rows[:, start : start + batch_size]
        both = torch.cat([batch, batch + len(data.pairs) // 2], dim=1)
        state.step(network, network.gradients(data.pairs[both]))


def _keep(network: BatchedMLP, current: BatchedMLP, active: np.ndarray, better: np.ndarray) -> None:
    source = np.flatnonzero(better)
    for best, now in zip(network.parameters(), current.parameters(), strict=True):
        best[active[better]] = now[source]


class _AdamW:
    """State of AdamW (decoupled weight decay, Loshchilov & Hutter 2019) for a batch of members."""

    def __init__(self, network: BatchedMLP, config: Config) -> None:
        self._config = config
        self._first = [torch.zeros_like(p) for p in network.parameters()]
        self._second = [torch.zeros_like(p) for p in network.parameters()]
        self._steps = [torch.zeros((), device=p.device) for p in network.parameters()]

    def step(self, network: BatchedMLP, gradients: list[Tensor]) -> None:
        adamw(
            network.parameters(),
            gradients,
            self._first,
            self._second,
            [],
            self._steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self._config.learning_rate,
            weight_decay=self._config.weight_decay,
            eps=1e-8,
            maximize=False,
        )

    def select(self, members: Tensor) -> _AdamW:
        other = object.__new__(_AdamW)
        other._config = self._config
        other._first = [m.index_select(0, members) for m in self._first]
        other._second = [m.index_select(0, members) for m in self._second]
        other._steps = self._steps
        return other
