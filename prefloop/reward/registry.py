"""Interface of uncertainty models: training one of a kind, and keeping a fitted one on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from prefloop.errors import ConfigError, StateError
from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.rows import Vectors
from prefloop.plugins import find_plugin, run_plugin
from prefloop.reward.inputs import FitInputs
from prefloop.reward.kinds import GROUP, KINDS, RewardBase, kind_of


class UncertaintyModel(Protocol):
    """What the loop needs of an uncertainty model."""

    @property
    def trained(self) -> bool:
        """Whether it has seen a label."""

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


def fit_model(config: RewardBase, inputs: FitInputs) -> UncertaintyModel:
    """Train an uncertainty model of the configured kind from scratch.

    Raises:
        ConfigError: a kind from outside that cannot be loaded, fails, or gives back no UncertaintyModel.
        StateError: as the kind's own.
    """
    if config.kind in KINDS:
        model: UncertaintyModel = _located(KINDS[config.kind].fit)(config.parameters, inputs)
        return model
    plugin = find_plugin(config.kind, GROUP)
    if plugin is None:
        raise ConfigError(f"unknown uncertainty model '{config.kind}'; known: {', '.join(KINDS)}")
    fitted: UncertaintyModel = run_plugin("uncertainty model", plugin, config.parameters, inputs)
    _check(fitted, inputs, config.kind)
    return fitted


def _located(address: str) -> Callable[..., Any]:
    module, _, path = address.partition(":")
    target: Any = import_module(module)
    for name in path.split("."):
        target = getattr(target, name)
    return target


def _check(model: UncertaintyModel, inputs: FitInputs, kind: str) -> None:
    """Refuse what is no uncertainty model, before a round is spent on it."""
    needed = ("trained", "epochs", "temperature", "rewards", "last_layer", "state")
    if lacking := [name for name in needed if not hasattr(model, name)]:
        raise ConfigError(f"uncertainty model '{kind}' gave back a {type(model).__name__} without {lacking[0]}")
    rows = inputs.features[:2]
    rewards = model.rewards(rows)
    shape = (len(model.epochs), len(rows))
    if (
        not isinstance(rewards, np.ndarray)
        or rewards.shape != shape
        or shape[0] < 2
        or rewards.dtype != np.float32
    ):
        came = f"{rewards.dtype} {rewards.shape}" if isinstance(rewards, np.ndarray) else type(rewards).__name__
        raise ConfigError(
            f"uncertainty model '{kind}' gave rewards {came} for {len(rows)} completions; expected float32 "
            f"{shape}, members (2 or more, as `epochs` has) by completions"
        )


def save_model(path: Path, kind: str, model: UncertaintyModel, provenance: dict[str, object]) -> None:
    """Write one safetensors file: weights, and as metadata the kind and where it came from.

    Args:
        path: the file.
        kind: key of KINDS, or the name of a kind from outside.
        model: the fitted model.
        provenance: JSON-able facts a later user needs: encoder, pooling, parameters.
    """
    tensors, facts = model.state()
    metadata = {"kind": kind, "provenance": json.dumps(provenance, sort_keys=True), **facts}
    write_tensors(path, tensors, metadata)


def load_model(path: Path, device: torch.device | None = None) -> tuple[UncertaintyModel, dict[str, object]]:
    """Load what `save_model` wrote, in one call: the model and its provenance.

    Raises:
        StateError: missing or damaged file, or of a kind this version does not know.
    """
    tensors, metadata = read_tensors(path)
    try:
        kind = kind_of(metadata.get("kind", ""))
    except ConfigError as error:
        raise StateError(f"{path} holds a '{metadata.get('kind')}' model: {error}") from None
    from_state = _located(kind.from_state)
    return from_state(tensors, metadata, device or torch.device("cpu")), json.loads(metadata["provenance"])
