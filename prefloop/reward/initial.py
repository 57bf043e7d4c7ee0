"""Each member's own initial weights."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from prefloop.config.model import Ensemble as Config
from prefloop.reward.batched import BatchedMLP
from prefloop.reward.inputs import FitInputs
from prefloop.rng import Stream, generator


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
