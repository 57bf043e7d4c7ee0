"""Small anchored ensembles and data with a linear utility."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from prefloop.reward.anchored_ensemble import fit_anchored_ensemble
from prefloop.reward.inputs import Comparisons, FitInputs
from tests.worlds import make_params

CPU = torch.device("cpu")
SMALL = {
    "members": 4,
    "layers": [12, 5],
    "standardise": False,
    "learning_rate": 0.01,
    "batch_size": 16,
    "steps": 1,
    "epochs": 6,
    "anchor": 2.0,
    "anchor_half_life": 100,
    "magnitude": 0.1,
}


def make_config(**changes):
    dotted = {f"reward__anchored_ensemble__{key}": value for key, value in (SMALL | changes).items()}
    return make_params(**dotted).reward.anchored_ensemble


def toy_inputs(count=120, **changes):
    """Random features, a linear utility, Bradley-Terry answers."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((2 * count, 6)).astype(np.float32)
    utility = features @ rng.standard_normal(6)
    wins = rng.random(count) < 1 / (1 + np.exp(utility[count:] - utility[:count]))
    return make_inputs(features, wins, **changes)


def make_inputs(features, wins, **changes):
    """Comparisons of the first half of the rows with the second, won where `wins`."""

    def no_moments():
        raise AssertionError("standardise is off")

    first, second = np.arange(len(features)).reshape(2, -1)
    pairs = Comparisons(np.where(wins, first, second), np.where(wins, second, first))
    return replace(FitInputs(features, pairs, 0, 0, None, no_moments, CPU, np.arange(len(first))), **changes)


def first(inputs, count):
    pairs = inputs.comparisons
    return Comparisons(pairs.winner[:count], pairs.loser[:count])


def rewards(config, inputs):
    return fit_anchored_ensemble(config, inputs).rewards(inputs.features)
