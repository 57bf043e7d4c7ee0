"""Probes of the uncertainty models: what each makes of the same few labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch

from prefloop.reward.inputs import FitInputs
from prefloop.reward.kinds import KINDS
from prefloop.reward.registry import fit_model
from tests.identity.guard import TRAINED, Probe
from tests.reward.mlp import toy_data
from tests.worlds import make_params


def model_probes() -> dict[str, Probe]:
    """A probe of every kind of uncertainty model."""
    return {f"reward_model.{kind}": Probe(lambda kind=kind: _reward_model(kind), TRAINED) for kind in KINDS}


REWARD_SETTINGS: dict[str, list[dict[str, Any]]] = {
    "mlp_ensemble": [
        {},
        {
            "refit": True,
            "temperature": "held_out",
            "clip_norm": 1.0,
            "schedule": "linear",
            "holdout_by": "pairs",
            "standardise": True,
            "activation": "relu",
            "init": "xavier",
            "bias": "uniform",
            "output_bias": True,
        },
    ],
    "anchored_ensemble": [{}, {"activation": "tanh", "init": "normal", "standardise": False, "steps": 7}],
    "laplace": [{}, {"standardise": False}],
}
SMALL: dict[str, dict[str, Any]] = {
    "mlp_ensemble": {
        "members": 3,
        "layers": [6, 4],
        "max_epochs": 12,
        "learning_rate": 0.03,
        "batch_size": 8,
        "weight_decay": 0.1,
        "patience": 2,
        "init_std": 0.3,
        "holdout": 0.25,
    },
    "anchored_ensemble": {"members": 3, "layers": [6], "steps": 40, "batch_size": 8, "learning_rate": 0.02},
    "laplace": {"members": 6},
}


def _reward_model(kind: str) -> Any:
    """Rewards, last layer and facts of models on weighted labels in groups; on too few; with a set to stop on."""
    features, comparisons = toy_data(count=48, dim=5)
    comparisons = replace(comparisons, weights=0.5 + np.arange(48) % 3 / 2)
    groups = np.repeat(np.arange(12), [1, 2, 3, 4, 5, 6, 7, 6, 5, 4, 3, 2])
    moments = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    whole = FitInputs(features, comparisons, 3, 2, None, lambda: moments, torch.device("cpu"), groups)
    few = replace(whole, comparisons=_first(comparisons, 1), groups=groups[:1])
    same = replace(whole, groups=np.zeros(48, np.int64))
    stop = replace(whole, validation=_first(comparisons, 10))
    found = []
    for changes in REWARD_SETTINGS.get(kind, [{}]):
        keys = {f"reward__{kind}__{key}": value for key, value in (SMALL.get(kind, {}) | changes).items()}
        reward = make_params(reward__kind=kind, **keys).reward
        for inputs in (whole, few) if kind != "mlp_ensemble" else (whole, few, same, stop):
            model = fit_model(reward, inputs)
            found.append(
                {
                    "rewards": model.rewards(features),
                    "last_layer": model.last_layer(features),
                    "epochs": model.epochs,
                    "temperature": float(model.temperature),
                }
            )
    return found


def _first(comparisons: Any, count: int) -> Any:
    weights = comparisons.weights[:count]
    return replace(
        comparisons, winner=comparisons.winner[:count], loser=comparisons.loser[:count], weights=weights
    )
