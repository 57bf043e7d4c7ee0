"""The uncertainty models by name, and how a fitted one is kept on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from prefloop.config.model import Reward
from prefloop.errors import StateError
from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.rows import Vectors
from prefloop.reward.anchored_ensemble import fit_anchored_ensemble
from prefloop.reward.fitted import FittedEnsemble
from prefloop.reward.inputs import FitInputs
from prefloop.reward.laplace import FittedLaplace, fit_laplace
from prefloop.reward.mlp_ensemble import fit_mlp_ensemble


class RewardModel(Protocol):
    """What the loop needs of an uncertainty model."""

    @property
    def epochs(self) -> np.ndarray:
        """int64 [M], epochs each member trained; 0 = untrained."""

    @property
    def temperature(self) -> float:
        """What rewards are divided by."""

    def rewards(self, features: Vectors) -> np.ndarray:
        """float32 [M, C] whose differences are Bradley-Terry logits."""

    def last_layer(self, features: Vectors) -> np.ndarray:
        """float32 [C, H], features in which rewards are linear."""

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays and string facts that the kind's `from_state` builds the model from."""


_Fit = Callable[[Any, FitInputs], RewardModel]
_FromState = Callable[[dict[str, np.ndarray], dict[str, str], torch.device], RewardModel]

KINDS: dict[str, tuple[_Fit, _FromState]] = {
    "mlp_ensemble": (fit_mlp_ensemble, FittedEnsemble.from_state),
    "anchored_ensemble": (fit_anchored_ensemble, FittedEnsemble.from_state),
    "laplace": (fit_laplace, FittedLaplace.from_state),
}


def fit_model(config: Reward, inputs: FitInputs) -> RewardModel:
    """Train the configured kind of model from scratch."""
    fit, _ = KINDS[config.kind]
    return fit(getattr(config, config.kind), inputs)


def save_model(path: Path, kind: str, model: RewardModel, provenance: dict[str, object]) -> None:
    """Write one safetensors file: weights, and as metadata the kind and where it came from.

    Args:
        path: the file.
        kind: key of KINDS.
        model: the fitted model.
        provenance: JSON-able facts a later user needs: encoder, pooling, parameters.
    """
    tensors, facts = model.state()
    metadata = {"kind": kind, "provenance": json.dumps(provenance, sort_keys=True), **facts}
    write_tensors(path, tensors, metadata)


def load_model(path: Path, device: torch.device | None = None) -> tuple[RewardModel, dict[str, object]]:
    """Load what `save_model` wrote, in one call: the model and its provenance.

    Raises:
        StateError: missing or damaged file, or of a kind this version does not know.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("kind") not in KINDS:
        raise StateError(f"{path} holds a '{metadata.get('kind')}' model; known: {', '.join(KINDS)}")
    _, from_state = KINDS[metadata["kind"]]
    return from_state(tensors, metadata, device or torch.device("cpu")), json.loads(metadata["provenance"])
