"""`mlp_ensemble`: BAL-PM's reward model, M perceptrons on frozen features (Melo et al. 2024)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from prefloop.config.model import MlpEnsemble as Config
from prefloop.errors import ConfigError
from prefloop.reward.batched import BatchedMLP
from prefloop.reward.calibration import fit_temperature
from prefloop.reward.comparisons import Comparisons
from prefloop.reward.training import TrainingSet, train_members
from prefloop.rng import Stream, generator

_BLOCK = 16_384


@dataclass(frozen=True)
class MlpEnsemble:
    """A fitted (or untrained) ensemble.

    Attributes:
        network: the members' parameters.
        shift, scale: float32 [D], applied to every feature as (x - shift) * scale.
        temperature: rewards are divided by it.
        epochs: int64 [M], epochs each member trained; 0 = untrained.
    """

    network: BatchedMLP
    shift: torch.Tensor
    scale: torch.Tensor
    temperature: float
    epochs: np.ndarray

    def rewards(self, features: np.ndarray) -> np.ndarray:
        """Reward of every completion under every member.

        Args:
            features: float32 [C, D], memory-mapped or not; read in blocks.

        Returns:
            float32 [M, C]; differences of a member's rewards are Bradley-Terry logits.
        """
        members = len(self.epochs)
        result = np.empty((members, len(features)), dtype=np.float32)
        for start in range(0, len(features), _BLOCK):
            inputs = self._inputs(features[start : start + _BLOCK])
            block = self.network.rewards(inputs) / self.temperature
            result[:, start : start + _BLOCK] = block.cpu().numpy()
        return result

    def last_layer(self, features: np.ndarray) -> np.ndarray:
        """Last hidden layer of all members side by side, float32 [C, M * width]."""
        blocks = []
        for start in range(0, len(features), _BLOCK):
            hidden = self.network.hidden(self._inputs(features[start : start + _BLOCK]))[-1]
            blocks.append(hidden.permute(1, 0, 2).flatten(1).cpu().numpy())
        return np.concatenate(blocks)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and string facts from which `from_state` builds the same ensemble again."""
        tensors = {f"weight_{n}": w.cpu().numpy() for n, w in enumerate(self.network.weights)}
        tensors |= {f"bias_{n}": b.cpu().numpy() for n, b in enumerate(self.network.biases)}
        tensors |= {"shift": self.shift.cpu().numpy(), "scale": self.scale.cpu().numpy(), "epochs": self.epochs}
        return tensors, {"activation": self.network.activation, "temperature": repr(self.temperature)}

    @classmethod
    def from_state(
        cls, tensors: dict[str, np.ndarray], facts: dict[str, str], device: torch.device
    ) -> MlpEnsemble:
        """Rebuild an ensemble from `state()`."""
        layers = sum(name.startswith("weight_") for name in tensors)
        weights = [torch.from_numpy(tensors[f"weight_{n}"]).to(device) for n in range(layers)]
        biases = [torch.from_numpy(tensors[f"bias_{n}"]).to(device) for n in range(layers - 1)]
        return cls(
            BatchedMLP(weights, biases, facts["activation"]),
            torch.from_numpy(tensors["shift"]).to(device),
            torch.from_numpy(tensors["scale"]).to(device),
            float(facts["temperature"]),
            tensors["epochs"],
        )

    def _inputs(self, features: np.ndarray) -> torch.Tensor:
        return _standardise(features, self.shift, self.scale)


def fit_mlp_ensemble(
    config: Config,
    features: np.ndarray,
    comparisons: Comparisons,
    *,
    seed: int,
    round_: int,
    validation: Comparisons | None,
    moments: Callable[[], tuple[np.ndarray, np.ndarray]],
    device: torch.device,
) -> MlpEnsemble:
    """Train the ensemble from scratch on everything labelled so far.

    Args:
        config: section `reward.mlp_ensemble`.
        features: float32 [C, D].
        comparisons: the labelled pairs; with fewer than two the ensemble stays untrained.
        seed: the run's seed.
        round_: the round; weights, order and held-out shares are drawn anew each round.
        validation: comparisons all members stop on, as in the paper; None = each member
            keeps `config.holdout` of the labelled pairs out of its own training.
        moments: gives mean and standard deviation of the features, float [D] each; called when
            `config.standardise`.
        device: where to train.

    Returns:
        The fitted ensemble.

    Raises:
        ConfigError: a validation set without one decided comparison.
        StateError: a loss that is not finite.
    """
    network = initial_network(config, features.shape[1], seed, round_, device)
    shift, scale = _affine(moments() if config.standardise else None, features.shape[1], device)
    untrained = np.zeros(config.members, dtype=np.int64)
    if len(comparisons) < 2:
        return MlpEnsemble(network, shift, scale, 1.0, untrained)
    if validation is not None and not len(validation):
        raise ConfigError(
            "no validation label is decided (all ties): raise benchmark.validation, or set it to 0, so that "
            "members stop on their own held-out comparisons"
        )
    winners = _standardise(features[comparisons.winner], shift, scale)
    losers = _standardise(features[comparisons.loser], shift, scale)
    if validation is None:
        train, held_out = _divide(len(comparisons), config, seed, round_)
        stop_winners, stop_losers = winners, losers
    else:
        train = np.tile(np.arange(len(comparisons)), (config.members, 1))
        held_out = np.tile(np.arange(len(validation)), (config.members, 1))
        stop_winners = _standardise(features[validation.winner], shift, scale)
        stop_losers = _standardise(features[validation.loser], shift, scale)
    data = TrainingSet(
        torch.cat([winners, losers]),
        torch.from_numpy(train).to(device),
        torch.from_numpy(held_out).to(device),
        stop_winners,
        stop_losers,
    )
    epochs = train_members(network, data, config, seed, round_)
    temperature = fit_temperature(network, data) if config.temperature == "held_out" else 1.0
    return MlpEnsemble(network, shift, scale, temperature, epochs)


def initial_network(config: Config, dim: int, seed: int, round_: int, device: torch.device) -> BatchedMLP:
    """Draw each member's own initial weights; biases are zero.

    Source: N(0, 0.01^2) in BAL-PM's code; Xavier uniform in ActiveUltraFeedback's.
    """
    widths = [dim, *config.layers, 1]
    weights: list[list[np.ndarray]] = [[] for _ in widths[1:]]
    for member in range(config.members):
        rng = generator(seed, round_, Stream.WEIGHTS, member)
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            weights[layer].append(_draw(rng, config, fan_in, fan_out))
    return BatchedMLP(
        [torch.from_numpy(np.stack(layer)).to(device) for layer in weights],
        [torch.zeros(config.members, 1, width, device=device) for width in config.layers],
        config.activation,
    )


def _draw(rng: np.random.Generator, config: Config, fan_in: int, fan_out: int) -> np.ndarray:
    if config.init == "normal":
        return config.init_std * rng.standard_normal((fan_in, fan_out), dtype=np.float32)
    limit = np.float32(np.sqrt(6.0 / (fan_in + fan_out)))
    return (2 * rng.random((fan_in, fan_out), dtype=np.float32) - 1) * limit


def _divide(count: int, config: Config, seed: int, round_: int) -> tuple[np.ndarray, np.ndarray]:
    held = min(max(1, round(config.holdout * count)), count - 1)
    orders = np.stack(
        [generator(seed, round_, Stream.HOLDOUT, m).permutation(count) for m in range(config.members)]
    )
    return orders[:, held:], orders[:, :held]


def _affine(
    moments: tuple[np.ndarray, np.ndarray] | None, dim: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    if moments is None:
        return torch.zeros(dim, device=device), torch.ones(dim, device=device)
    mean, deviation = (torch.from_numpy(np.asarray(m, dtype=np.float32)).to(device) for m in moments)
    return mean, torch.where(deviation > 0, 1 / deviation, torch.zeros_like(deviation))


def _standardise(features: np.ndarray, shift: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    return (torch.from_numpy(np.array(features, dtype=np.float32)).to(shift.device) - shift) * scale
