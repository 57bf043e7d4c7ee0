"""Fitted ensemble of perceptrons, whichever way it was trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from prefloop.io.rows import Vectors
from prefloop.reward.batched import BatchedMLP
from prefloop.reward.inputs import Scaling

_BLOCK = 16_384


@dataclass(frozen=True)
class FittedEnsemble:
    """A fitted (or untrained) ensemble.

    Attributes:
        network: the members' parameters.
        scaling: applied to every feature.
        temperature: rewards are divided by it.
        epochs: int64 [M], epochs each member trained; 0 = untrained.
    """

    network: BatchedMLP
    scaling: Scaling
    temperature: float
    epochs: np.ndarray

    @property
    def trained(self) -> bool:
        """Whether it has seen a label."""
        return bool(self.epochs.any())

    def rewards(self, features: Vectors) -> np.ndarray:
        """Reward of every completion under every member.

        Args:
            features: float32 [C, D], memory-mapped or not; read in blocks.

        Returns:
            float32 [M, C]; differences of a member's rewards are Bradley-Terry logits.
        """
        members = len(self.epochs)
        result = np.empty((members, len(features)), dtype=np.float32)
        for start in range(0, len(features), _BLOCK):
            inputs = self.scaling.apply(features[start : start + _BLOCK])
            block = self.network.rewards(inputs) / self.temperature
            result[:, start : start + _BLOCK] = block.cpu().numpy()
        return result

    def last_layer(self, features: Vectors) -> np.ndarray:
        """Last hidden layer of all members side by side, float32 [C, M * width]."""
        blocks = []
        for start in range(0, len(features), _BLOCK):
            hidden = self.network.hidden(self.scaling.apply(features[start : start + _BLOCK]))[-1]
            blocks.append(hidden.permute(1, 0, 2).flatten(1).cpu().numpy())
        return np.concatenate(blocks)

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and string facts from which `from_state` builds the same ensemble again."""
        tensors = {f"weight_{n}": w.cpu().numpy() for n, w in enumerate(self.network.weights)}
        tensors |= {f"bias_{n}": b.cpu().numpy() for n, b in enumerate(self.network.biases)}
        tensors |= {"shift": self.scaling.shift.cpu().numpy(), "scale": self.scaling.scale.cpu().numpy()}
        tensors |= {"epochs": self.epochs}
        return tensors, {"activation": self.network.activation, "temperature": repr(self.temperature)}

    @classmethod
    def from_state(
        cls, tensors: dict[str, np.ndarray], facts: dict[str, str], device: torch.device
    ) -> FittedEnsemble:
        """Rebuild an ensemble from `state()`."""
        weights, biases = (
            [torch.from_numpy(tensors[f"{kind}_{n}"]).to(device) for n in range(_count(tensors, kind))]
            for kind in ("weight", "bias")
        )
        shift, scale = (torch.from_numpy(tensors[name]).to(device) for name in ("shift", "scale"))
        return cls(
            BatchedMLP(weights, biases, facts["activation"]),
            Scaling(shift, scale),
            float(facts["temperature"]),
            tensors["epochs"],
        )


def _count(tensors: dict[str, np.ndarray], kind: str) -> int:
    return sum(name.startswith(f"{kind}_") for name in tensors)
