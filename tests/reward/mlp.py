"""Small ensembles of perceptrons and data with a linear utility."""

from __future__ import annotations

import numpy as np
import torch

from prefloop.reward.inputs import Comparisons, FitInputs
from prefloop.reward.mlp_ensemble import fit_mlp_ensemble
from tests.worlds import make_params

CPU = torch.device("cpu")


def no_moments():
    raise AssertionError("standardise is off")


def make_config(**changes):
    dotted = {f"reward__mlp_ensemble__{key}": value for key, value in changes.items()}
    return make_params(**dotted).reward.mlp_ensemble


def toy_data(seed=0, count=120, dim=6):
    rng = np.random.default_rng(seed)
    features = rng.standard_normal((2 * count, dim)).astype(np.float32)
    utility = features @ rng.standard_normal(dim)
    first_wins = rng.random(count) < 1 / (1 + np.exp(utility[count:] - utility[:count]))
    rows = np.arange(count)
    return features, Comparisons(
        np.where(first_wins, rows, rows + count), np.where(first_wins, rows + count, rows)
    )


def fit(config, features, comparisons, seed=0, round_=0, validation=None):
    return fit_mlp_ensemble(config, make_inputs(features, comparisons, seed, round_, validation))


def make_inputs(features, comparisons, seed=0, round_=0, validation=None, moments=no_moments, groups=None):
    groups = np.arange(len(comparisons)) if groups is None else groups
    return FitInputs(features, comparisons, seed, round_, validation, moments, CPU, groups)


def unequal_groups(count):
    """Groups of 1, 2, 3, ... comparisons."""
    return np.repeat(np.arange(count), np.arange(1, count + 1))[:count]
