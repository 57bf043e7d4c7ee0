"""M multilayer perceptrons as one batched program: parameters [M, in, out], one bmm a layer.

The gradient is written out by hand: five small products a step cost less than recording them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch.nn.functional import logsigmoid

from prefloop.reward.inputs import FitInputs
from prefloop.reward.kinds import Ensemble as Config
from prefloop.rng import Stream, generator

Tensor = torch.Tensor


@dataclass
class BatchedMLP:
    """Parameters of M networks of one shape; the output layer is linear.

    Attributes:
        weights: per layer, float32 [M, in, out]; the last has out = 1.
        biases: per hidden layer, float32 [M, 1, out]; then that of the output layer, if it has one.
        activation: "tanh" or "relu".
    """

    weights: list[Tensor]
    biases: list[Tensor]
    activation: str

    def parameters(self) -> list[Tensor]:
        """All parameters, weights first."""
        return [*self.weights, *self.biases]

    @property
    def parameters_per_member(self) -> int:
        """How many numbers one member has."""
        return sum(p[0].numel() for p in self.parameters())

    def select(self, members: Tensor) -> BatchedMLP:
        """A copy of some members (int64 indices)."""
        return BatchedMLP(
            [w.index_select(0, members) for w in self.weights],
            [b.index_select(0, members) for b in self.biases],
            self.activation,
        )

    @property
    def has_output_bias(self) -> bool:
        """Whether the output layer has a bias."""
        return len(self.biases) == len(self.weights)

    def hidden(self, inputs: Tensor) -> list[Tensor]:
        """Activations of every layer, the input first.

        Args:
            inputs: float32 [M, n, D], or [n, D] shared by all members.

        Returns:
            [M, n, width] per hidden layer, behind the inputs.
        """
        members = self.weights[0].shape[0]
        layers = [inputs.expand(members, *inputs.shape[-2:])]
        for weight, bias in zip(self.weights[:-1], self.biases, strict=False):
            layers.append(self._activate(torch.baddbmm(bias, layers[-1], weight)))
        return layers

    def rewards(self, inputs: Tensor) -> Tensor:
        """Rewards [M, n] of inputs [M, n, D] or [n, D]."""
        return self._output(self.hidden(inputs)[-1])

    def gradients(self, inputs: Tensor, weight: Tensor, magnitude: float = 0.0) -> list[Tensor]:
        """Gradient of each member's own Bradley-Terry loss (see `bradley_terry_loss`).

        Args:
            inputs: float32 [M, 2B, D], features of B preferred completions, then of those they were
                compared with.
            weight: float32 [M, B], what each comparison counts: the loss is the mean of weight times loss.
            magnitude: weight c of a penalty c * (r_winner + r_loser)^2, mean over the batch, all alike.

        Returns:
            Gradients in the order of `parameters()`.
        """
        layers = self.hidden(inputs)
        won, lost = self._output(layers[-1]).chunk(2, dim=1)
        slope = torch.sigmoid(lost - won) * weight / won.shape[1]
        centre = (won + lost) * (2 * magnitude / won.shape[1]) if magnitude else 0.0
        delta = torch.cat([centre - slope, centre + slope], dim=1).unsqueeze(-1)
        weights, biases = [], []
        if self.has_output_bias:
            # Differences of rewards do not feel it: exactly 0 but for the penalty. A sum of the slopes would
            # leave a rounding error, which Adam would turn into steps of full size.
            biases.append(((won + lost).sum(dim=1) * (4 * magnitude / won.shape[1]))[:, None, None])
        for depth in range(len(self.weights) - 1, -1, -1):
            weights.append(torch.bmm(layers[depth].transpose(1, 2), delta))
            if depth == 0:
                break
            delta = torch.bmm(delta, self.weights[depth].transpose(1, 2))
            delta = self._times_slope(delta, layers[depth])
            biases.append(delta.sum(dim=1, keepdim=True))
        return [*reversed(weights), *reversed(biases)]

    def _output(self, hidden: Tensor) -> Tensor:
        rewards = torch.bmm(hidden, self.weights[-1]).squeeze(-1)
        return rewards + self.biases[-1].squeeze(-1) if self.has_output_bias else rewards

    def _activate(self, values: Tensor) -> Tensor:
        return values.tanh_() if self.activation == "tanh" else values.relu_()

    def _times_slope(self, delta: Tensor, activated: Tensor) -> Tensor:
        if self.activation == "tanh":
            return torch.ops.aten.tanh_backward(delta, activated)
        return torch.ops.aten.threshold_backward(delta, activated, 0)


def initial_network(config: Config, inputs: FitInputs) -> BatchedMLP:
    """Draw each member's own initial weights, then its biases, unless these are zero.

    Source: weights N(0, 0.01^2) and biases U(+-1 / sqrt(fan_in)) in BAL-PM's code; weights Xavier uniform
    and biases zero in ActiveUltraFeedback's.
    """
    widths = list(pairwise([inputs.features.shape[1], *config.layers, 1]))
    with_bias = widths if config.output_bias else widths[:-1]
    weights: list[list[np.ndarray]] = [[] for _ in widths]
    biases: list[list[np.ndarray]] = [[] for _ in with_bias]
    for member in range(config.members):
        rng = generator(inputs.seed, inputs.round_, Stream.WEIGHTS, member)
        for layer, (fan_in, fan_out) in enumerate(widths):
            weights[layer].append(_draw(rng, config, fan_in, fan_out))
        for layer, (fan_in, fan_out) in enumerate(with_bias):
            biases[layer].append(_draw_bias(rng, config, fan_in, fan_out))
    return BatchedMLP(
        [torch.from_numpy(np.stack(layer)).to(inputs.device, inputs.dtype) for layer in weights],
        [torch.from_numpy(np.stack(layer)).to(inputs.device, inputs.dtype) for layer in biases],
        config.activation,
    )


def _draw_bias(rng: np.random.Generator, config: Config, fan_in: int, fan_out: int) -> np.ndarray:
    if config.bias == "zero":
        return np.zeros((1, fan_out), dtype=np.float32)
    return (2 * rng.random((1, fan_out), dtype=np.float32) - 1) / np.float32(np.sqrt(fan_in))


def _draw(rng: np.random.Generator, config: Config, fan_in: int, fan_out: int) -> np.ndarray:
    if config.init == "normal":
        return config.init_std * rng.standard_normal((fan_in, fan_out), dtype=np.float32)
    limit = np.float32(np.sqrt(6.0 / (fan_in + fan_out)))
    return (2 * rng.random((fan_in, fan_out), dtype=np.float32) - 1) * limit


def bradley_terry_loss(winner_rewards: Tensor, loser_rewards: Tensor) -> Tensor:
    """Mean over the last axis of -log sigma(r_winner - r_loser), nats (Bradley & Terry 1952)."""
    return -logsigmoid(winner_rewards - loser_rewards).mean(dim=-1)
