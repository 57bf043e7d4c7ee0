"""`anchored_ensemble`: ActiveUltraFeedback's epistemic network (Melikidze et al. 2026, arXiv 2603.09692)."""

from __future__ import annotations

import math

import numpy as np
import torch

from prefloop.reward.batched import BatchedMLP, initial_network
from prefloop.reward.fitted import FittedEnsemble
from prefloop.reward.inputs import FitInputs, Scaling
from prefloop.reward.kinds import AnchoredEnsemble as Config
from prefloop.reward.optimise import AdamW, RowStream, epoch_batches, require_finite, shufflers, tensor_of


def fit_anchored_ensemble(config: Config, inputs: FitInputs) -> FittedEnsemble:
    """Train every member from scratch on all labelled pairs, held back by its own initial weights.

    Nothing is held out and nobody stops early: `inputs.validation` is not read, and the temperature is 1.

    Args:
        config: section `reward.anchored_ensemble`.
        inputs: what to train from.

    Returns:
        The fitted ensemble.

    Raises:
        StateError: a loss that is not finite.
    """
    network = initial_network(config, inputs)
    scaling = Scaling.of(inputs, config.standardise)
    pairs = inputs.comparisons
    if pairs.label_count < 2:
        return FittedEnsemble(network, scaling, 1.0, np.zeros(config.members, dtype=np.int64))
    both = scaling.apply(inputs.features[np.concatenate([pairs.winner, pairs.loser])])
    _train(network, both, config, inputs)
    return FittedEnsemble(network, scaling, 1.0, np.full(config.members, passes(config, len(pairs))))


def anchor_weight(config: Config, labels: int) -> float:
    """Weight of the pull to the initial weights: lambda(n) = anchor * 2^(-n / half-life).

    Args:
        config: `anchor` and `anchor_half_life`.
        labels: n, decided comparisons.

    Source: ActiveUltraFeedback decays it geometrically with the share of the budget spent; here with the
    number of labels, so that a round does not depend on how many are still to come.
    """
    weight: float = config.anchor * 0.5 ** (labels / config.anchor_half_life)
    return weight


def anchored_gradients(
    network: BatchedMLP,
    start: BatchedMLP,
    inputs: torch.Tensor,
    weight: torch.Tensor,
    magnitude: float,
    anchor: float,
) -> list[torch.Tensor]:
    """Gradient of each member's own loss.

    -weight * log sigma(r_w - r_l) + magnitude * (r_w + r_l)^2, mean over the batch,
    + anchor * (mean over the member's parameters of (theta - theta_0)^2).

    Args:
        network: theta.
        start: theta_0.
        inputs: float32 [M, 2B, D], winners first.
        weight: float32 [M, B], what each comparison counts.
        magnitude: weight of the penalty on rewards far from zero.
        anchor: lambda(n).

    Source: ActiveUltraFeedback's loss; the mean over parameters as in `lasgroup/rewarduq`.
    """
    gradients = network.gradients(inputs, weight, magnitude)
    slope = 2 * anchor / network.parameters_per_member
    for gradient, now, before in zip(gradients, network.parameters(), start.parameters(), strict=True):
        gradient.add_(now - before, alpha=slope)
    return gradients


def passes(config: Config, labels: int) -> int:
    """Passes over the labels: `epochs`, or more where these are fewer than `steps` steps."""
    return max(config.epochs, math.ceil(config.steps / math.ceil(labels / config.batch_size)))


def _train(network: BatchedMLP, pairs: torch.Tensor, config: Config, inputs: FitInputs) -> None:
    """AdamW without weight decay; the step size falls from `learning_rate` to 0 along half a cosine."""
    count = len(pairs) // 2
    members = torch.arange(config.members, device=pairs.device)
    rows = [RowStream(np.arange(count), rng) for rng in shufflers(inputs.seed, inputs.round_, config.members)]
    start, optimiser = network.select(members), AdamW(network, weight_decay=0.0)
    anchor, epochs = anchor_weight(config, inputs.comparisons.label_count), passes(config, count)
    weight = tensor_of(inputs.comparisons.weight, pairs)
    batches = (
        batch for _ in range(epochs) for batch in epoch_batches(pairs, weight, rows, count, config.batch_size)
    )
    total = epochs * math.ceil(count / config.batch_size)
    for done, batch in enumerate(batches):
        gradients = anchored_gradients(network, start, *batch, config.magnitude, anchor)
        optimiser.step(network, gradients, config.learning_rate * (1 + math.cos(math.pi * done / total)) / 2)
    largest = network.rewards(pairs).abs().amax(dim=1).double().cpu().numpy()
    require_finite(largest, np.arange(config.members), "reward.anchored_ensemble")
