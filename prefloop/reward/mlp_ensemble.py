"""`mlp_ensemble`: BAL-PM's reward model, M perceptrons on frozen features (Melo et al. 2024)."""

from __future__ import annotations

import numpy as np
import torch

from prefloop.config.model import MlpEnsemble as Config
from prefloop.errors import ConfigError
from prefloop.reward.calibration import fit_temperature
from prefloop.reward.fitted import FittedEnsemble
from prefloop.reward.initial import initial_network
from prefloop.reward.inputs import FitInputs
from prefloop.reward.scaling import Scaling
from prefloop.reward.training import TrainingSet, train_members
from prefloop.rng import Stream, generator


def fit_mlp_ensemble(config: Config, inputs: FitInputs) -> FittedEnsemble:
    """Train the ensemble from scratch on everything labelled so far.

    Args:
        config: section `reward.mlp_ensemble`.
        inputs: what to train from; without `validation` each member keeps `config.holdout` of the labelled
            pairs out of its own training, and stops on those.

    Returns:
        The fitted ensemble.

    Raises:
        ConfigError: a validation set without one decided comparison.
        StateError: a loss that is not finite.
    """
    network = initial_network(config, inputs)
    scaling = Scaling.of(inputs, config.standardise)
    if len(inputs.comparisons) < 2:
        return FittedEnsemble(network, scaling, 1.0, np.zeros(config.members, dtype=np.int64))
    if inputs.validation is not None and not len(inputs.validation):
        raise ConfigError(
            "no validation label is decided (all ties): raise benchmark.validation, or set it to 0, so that "
            "members stop on their own held-out comparisons"
        )
    data = _training_set(config, inputs, scaling)
    epochs = train_members(network, data, config, inputs.seed, inputs.round_)
    temperature = fit_temperature(network, data) if config.temperature == "held_out" else 1.0
    return FittedEnsemble(network, scaling, temperature, epochs)


def _training_set(config: Config, inputs: FitInputs, scaling: Scaling) -> TrainingSet:
    count, stop = len(inputs.comparisons), inputs.validation
    winners = scaling.apply(inputs.features[inputs.comparisons.winner])
    losers = scaling.apply(inputs.features[inputs.comparisons.loser])
    if stop is None:
        train, held_out = _divide(count, config, inputs.seed, inputs.round_)
        stop_winners, stop_losers = winners, losers
    else:
        train = np.tile(np.arange(count), (config.members, 1))
        held_out = np.tile(np.arange(len(stop)), (config.members, 1))
        stop_winners = scaling.apply(inputs.features[stop.winner])
        stop_losers = scaling.apply(inputs.features[stop.loser])
    return TrainingSet(
        torch.cat([winners, losers]),
        torch.from_numpy(train).to(inputs.device),
        torch.from_numpy(held_out).to(inputs.device),
        stop_winners,
        stop_losers,
    )


def _divide(count: int, config: Config, seed: int, round_: int) -> tuple[np.ndarray, np.ndarray]:
    held = min(max(1, round(config.holdout * count)), count - 1)
    orders = np.stack(
        [generator(seed, round_, Stream.HOLDOUT, m).permutation(count) for m in range(config.members)]
    )
    return orders[:, held:], orders[:, :held]
