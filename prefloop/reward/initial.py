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
    """Draw each member's own initial weights; biases are zero.

    Source: N(0, 0.01^2) in BAL-PM's code; Xavier uniform in ActiveUltraFeedback's.
    """
    widths = [inputs.features.shape[1], *config.layers, 1]
    weights: list[list[np.ndarray]] = [[] for _ in widths[1:]]
    for member in range(config.members):
        rng = generator(inputs.seed, inputs.round_, Stream.WEIGHTS, member)
        for layer, (fan_in, fan_out) in enumerate(pairwise(widths)):
            weights[layer].append(_draw(rng, config, fan_in, fan_out))
    return BatchedMLP(
        [torch.from_numpy(np.stack(layer)).to(inputs.device, inputs.dtype) for layer in weights],
        [torch.zeros(config.members, 1, w, device=inputs.device, dtype=inputs.dtype) for w in config.layers],
        config.activation,
    )


def _draw(rng: np.random.Generator, config: Config, fan_in: int, fan_out: int) -> np.ndarray:
    if config.init == "normal":
        return config.init_std * rng.standard_normal((fan_in, fan_out), dtype=np.float32)
    limit = np.float32(np.sqrt(6.0 / (fan_in + fan_out)))
    return (2 * rng.random((fan_in, fan_out), dtype=np.float32) - 1) * limit
