"""Shift and scale of features in front of a network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from prefloop.reward.inputs import FitInputs


@dataclass(frozen=True)
class Scaling:
    """Every feature x becomes (x - shift) * scale.

    Attributes:
        shift, scale: float [D], on the device and in the number format of the network.
    """

    shift: torch.Tensor
    scale: torch.Tensor

    @classmethod
    def of(cls, inputs: FitInputs, standardise: bool) -> Scaling:
        """By the features' moments, constant features to 0; or none."""
        dim, device, dtype = inputs.features.shape[1], inputs.device, inputs.dtype
        if not standardise:
            return cls(torch.zeros(dim, device=device, dtype=dtype), torch.ones(dim, device=device, dtype=dtype))
        mean, deviation = (torch.from_numpy(np.asarray(m)).to(device, dtype) for m in inputs.moments())
        return cls(mean, torch.where(deviation > 0, 1 / deviation, torch.zeros_like(deviation)))

    def apply(self, features: np.ndarray) -> torch.Tensor:
        """Scaled copy of features [n, D], on the device."""
        values = torch.from_numpy(np.array(features)).to(self.shift.device, self.shift.dtype)
        return (values - self.shift) * self.scale
