"""Shared parts of training: steps of AdamW, and batches in each member's own order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch.optim.adamw import adamw

from prefloop.errors import StateError
from prefloop.reward.batched import BatchedMLP
from prefloop.reward.kinds import MlpEnsemble as Config
from prefloop.rng import Stream, generator

Tensor = torch.Tensor


class AdamW:
    """State of AdamW (decoupled weight decay, Loshchilov & Hutter 2019) for a batch of members."""

    def __init__(self, network: BatchedMLP, weight_decay: float) -> None:
        self._weight_decay = weight_decay
        self._first = [torch.zeros_like(p) for p in network.parameters()]
        self._second = [torch.zeros_like(p) for p in network.parameters()]
        self._steps = [torch.zeros((), device=p.device) for p in network.parameters()]

    def step(self, network: BatchedMLP, gradients: list[Tensor], learning_rate: float) -> None:
        """Change `network` in place by one step."""
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
            lr=learning_rate,
            weight_decay=self._weight_decay,
            eps=1e-8,
            maximize=False,
        )

    def select(self, members: Tensor) -> AdamW:
        """The state of some members (int64 indices)."""
        other = object.__new__(AdamW)
        other._weight_decay = self._weight_decay
        other._first = [m.index_select(0, members) for m in self._first]
        other._second = [m.index_select(0, members) for m in self._second]
        other._steps = self._steps
        return other


def clipped(gradients: list[Tensor], limit: float | None) -> list[Tensor]:
    """Gradients, those of a member scaled down where their Euclidean norm over all its parameters exceeds a limit.

    Args:
        gradients: float32 [M, ...] per parameter.
        limit: the largest norm, > 0, or None: none.

    Source: Pascanu et al. 2013 (arXiv 1211.5063); 1 in BAL-PM's code.
    """
    if limit is None:
        return gradients
    norms = torch.stack([g.flatten(1).norm(dim=1) for g in gradients]).norm(dim=0)
    factor = (limit / norms).clamp(max=1.0)
    return [g * factor[:, None, None] for g in gradients]


def step_size(config: Config, step: int, steps: int) -> float:
    """Learning rate of a step, from 0, of `steps` planned ones.

    `linear`: up from 0 in the first step over `warmup_steps`, then down to 0 behind the last planned step;
    early stopping cuts the plan short.

    Source: BAL-PM's code trains with linear decay and 5 warm-up steps, in the form of transformers' scheduler.
    """
    if config.schedule == "constant":
        return config.learning_rate
    if step < config.warmup_steps:
        return config.learning_rate * step / config.warmup_steps
    return config.learning_rate * (steps - step) / max(1, steps - config.warmup_steps)


def shufflers(seed: int, round_: int, members: int) -> list[np.random.Generator]:
    """One generator of orders for each member."""
    return [generator(seed, round_, Stream.SHUFFLE, member) for member in range(members)]


def tensor_of(weight: np.ndarray, features: Tensor) -> Tensor:
    """Weights of comparisons, float64 [n], in the number format and on the device of their features."""
    return torch.from_numpy(weight).to(features)


class RowStream:
    """A member's training rows in random order without end, one permutation behind the other.

    So members with unequal numbers of rows can take steps of equal size side by side.
    """

    def __init__(self, rows: np.ndarray, rng: np.random.Generator) -> None:
        self._rows, self._rng = rows, rng
        self._ahead = np.zeros(0, dtype=np.int64)

    def take(self, count: int) -> np.ndarray:
        """The next rows, int64 [count]."""
        while len(self._ahead) < count:
            self._ahead = np.concatenate([self._ahead, self._rows[self._rng.permutation(len(self._rows))]])
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken


def epoch_batches(
    pairs: Tensor, weight: Tensor, rows: list[RowStream], length: int, batch_size: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of every member: the next `length` of its own rows.

    Args:
        pairs: float32 [2n, D]; comparison i has its winner in row i, its loser in row n + i.
        weight: float32 [n], what each comparison counts.
        rows: M streams of numbers of comparisons.
        length: rows of an epoch, the same for all members.
        batch_size: B.

    Yields:
        float32 [M, 2B, D], winners first, and their weights [M, B]; the last batch may be smaller.
    """
    shuffled = torch.from_numpy(np.stack([stream.take(length) for stream in rows])).to(pairs.device)
    for start in range(0, length, batch_size):
        batch = shuffled[:, start : start + batch_size]
        yield pairs[torch.cat([batch, batch + len(pairs) // 2], dim=1)], weight[batch]


def require_finite(values: np.ndarray, members: np.ndarray, section: str) -> None:
    """Refuse a training that has run away.

    Args:
        values: float64 [n], one number of each member that a runaway makes infinite or NaN.
        members: int64 [n], their numbers.
        section: the section of params.yaml to point to.

    Raises:
        StateError: one is not finite.
    """
    wrong = members[~np.isfinite(values)]
    if len(wrong):
        raise StateError(
            f"the loss of {len(wrong)} members is not finite, first member {wrong[0]}: lower "
            f"{section}.learning_rate, or check the features"
        )
