"""`mlp_ensemble`: BAL-PM's uncertainty model, M perceptrons on frozen features (Melo et al. 2024)."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy.optimize import minimize_scalar

from prefloop.errors import ConfigError
from prefloop.reward.batched import BatchedMLP, initial_network
from prefloop.reward.fitted import FittedEnsemble
from prefloop.reward.groups import hold_outs
from prefloop.reward.inputs import FitInputs, Scaling
from prefloop.reward.kinds import MlpEnsemble as Config
from prefloop.reward.optimise import tensor_of
from prefloop.reward.training import TrainingSet, refit_members, train_members
from prefloop.rng import Stream, generator

# Of the logarithm of the temperature.
_LOG_BOUNDS = (-4.0, 4.0)


def fit_mlp_ensemble(config: Config, inputs: FitInputs) -> FittedEnsemble:
    """Train the ensemble from scratch on everything labelled so far.

    Args:
        config: section `reward.mlp_ensemble`.
        inputs: what to train from; without `validation` each member keeps about `config.holdout` of the
            labelled pairs, whole groups of them, out of its own training, and stops on those; where that
            cannot be done all train on everything for about `config.lone_steps`.

    Returns:
        The fitted ensemble.

    Raises:
        ConfigError: a validation set without one decided comparison.
        StateError: a loss that is not finite.
    """
    network = initial_network(config, inputs)
    scaling = Scaling.of(inputs, config.standardise)
    if inputs.comparisons.label_count < 2:
        return FittedEnsemble(network, scaling, 1.0, np.zeros(config.members, dtype=np.int64))
    if inputs.validation is not None and not len(inputs.validation):
        raise ConfigError(
            "no validation label is decided (all ties): raise benchmark.validation, or set it to 0, so that "
            "members stop on their own held-out comparisons"
        )
    held = hold_out_members(config, inputs) if inputs.validation is None else None
    data = _training_set(config, inputs, scaling, held)
    if held is not None and not held.any():
        a_pass = math.ceil(len(inputs.comparisons) / config.batch_size)
        alone = np.full(config.members, min(max(1, round(config.lone_steps / a_pass)), config.max_epochs))
        refit_members(network, data, config, inputs.seed, inputs.round_, alone)
        return FittedEnsemble(network, scaling, 1.0, alone)
    stopped = train_members(network, data, config, inputs.seed, inputs.round_)
    temperature = fit_temperature(network, data) if config.temperature == "held_out" else 1.0
    if config.refit and inputs.validation is None:
        network = initial_network(config, inputs)
        refit_members(network, data, config, inputs.seed, inputs.round_, stopped.best)
    return FittedEnsemble(network, scaling, temperature, stopped.epochs)


def fit_temperature(network: BatchedMLP, data: TrainingSet) -> float:
    """Find T that minimises the weighted mean of -log sigma((r_winner - r_loser) / T) on held-out pairs.

    Each member is asked about its own held-out pairs only, so none is judged on what it learnt.

    Returns:
        T > 0, between e^-4 and e^4.

    Source: temperature scaling, Guo et al. 2017 (arXiv 1706.04599), for Bradley-Terry logits.
    """
    won = network.rewards(data.stop_winners[data.held_out])
    lost = network.rewards(data.stop_losers[data.held_out])
    margins = (won - lost)[data.is_held_out].double().cpu().numpy()
    weight = data.stop_weight[data.held_out][data.is_held_out].double().cpu().numpy()
    optimum = minimize_scalar(
        lambda log_t: float(np.average(np.logaddexp(0.0, -margins * np.exp(-log_t)), weights=weight)),
        bounds=_LOG_BOUNDS,
        method="bounded",
    )
    return float(np.exp(optimum.x))


def _training_set(config: Config, inputs: FitInputs, scaling: Scaling, held: np.ndarray | None) -> TrainingSet:
    """What members train from and stop on: their held-out comparisons bool [M, n], or the validation set."""
    count, stop = len(inputs.comparisons), inputs.validation
    winners = scaling.apply(inputs.features[inputs.comparisons.winner])
    losers = scaling.apply(inputs.features[inputs.comparisons.loser])
    weight = tensor_of(inputs.comparisons.weight, winners)
    if held is not None:
        train, stop_rows = [np.flatnonzero(~h) for h in held], [np.flatnonzero(h) for h in held]
        epoch, stop_winners, stop_losers = count - _wanted(config, count), winners, losers
        stop_weight = weight
    else:
        assert stop is not None
        train, epoch = [np.arange(count)] * config.members, count
        stop_rows = [np.arange(len(stop))] * config.members
        stop_winners = scaling.apply(inputs.features[stop.winner])
        stop_losers = scaling.apply(inputs.features[stop.loser])
        stop_weight = tensor_of(stop.weight, winners)
    held_out, is_held_out = _padded(stop_rows, inputs.device)
    return TrainingSet(
        torch.cat([winners, losers]),
        weight,
        train,
        epoch,
        min(epoch, config.look_every * config.batch_size),
        held_out,
        is_held_out,
        stop_winners,
        stop_losers,
        stop_weight,
    )


def hold_out_members(config: Config, inputs: FitInputs) -> np.ndarray:
    """Which labelled comparisons each member stops on, bool [M, n]; none where whole groups leave too few.

    Args:
        config: `members`, `holdout` and `holdout_by`.
        inputs: at least two comparisons, and their groups.
    """
    label, count = inputs.comparisons.label, inputs.comparisons.label_count
    wanted = _wanted(config, count)
    streams = (generator(inputs.seed, inputs.round_, Stream.HOLDOUT, member) for member in range(config.members))
    # Whole labels are held out: one that trains both ways would be met again on the other side.
    if config.holdout_by == "prompts":
        first = np.flatnonzero(np.diff(label, prepend=-1))
        return hold_outs(inputs.groups[first], wanted, list(streams))[:, label]
    held = np.zeros((config.members, count), dtype=bool)
    for mask, rng in zip(held, streams, strict=True):
        mask[rng.permutation(count)[:wanted]] = True
    return held[:, label]


def _wanted(config: Config, count: int) -> int:
    """How many of `count` comparisons are to be held out."""
    return min(max(1, round(config.holdout * count)), count - 1)


def _padded(rows: list[np.ndarray], device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of unequal length as one array [M, H] with zeros behind them, and where it is not padding."""
    lengths = np.array([len(row) for row in rows])
    real = np.arange(lengths.max()) < lengths[:, None]
    padded = np.zeros(real.shape, dtype=np.int64)
    padded[real] = np.concatenate(rows)
    return torch.from_numpy(padded).to(device), torch.from_numpy(real).to(device)
