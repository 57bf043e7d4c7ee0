"""Soft labels in every kind of model: two comparisons of one label, held out together, that count as one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from prefloop.reward.inputs import Comparisons
from prefloop.reward.laplace import fit_laplace
from prefloop.reward.mlp_ensemble import hold_out_members
from prefloop.reward.registry import fit_model
from tests.reward.mlp import make_config, make_inputs, toy_data
from tests.worlds import make_params

ANCHORED = {"members": 2, "layers": [8], "steps": 100, "anchor": 1.0, "learning_rate": 0.01}


def both_ways(comparisons, share):
    """Each comparison once each way, the winner with a share of the label's weight."""
    count = len(comparisons)
    label = np.repeat(np.arange(count), 2)
    sides = np.stack([comparisons.winner, comparisons.loser], axis=1)
    weights = np.stack([share, 1 - share], axis=1).ravel() * 2
    return Comparisons(sides.ravel(), sides[:, ::-1].ravel(), weights, label)


@pytest.mark.parametrize("holdout_by", ["pairs", "prompts"])
def test_both_ways_of_a_label_are_held_out_together_and_as_many_labels_as_of_hard_ones(holdout_by):
    features, hard = toy_data()
    soft = both_ways(hard, np.full(len(hard), 0.8))
    config = make_config(members=5, holdout=0.15, holdout_by=holdout_by)
    groups = np.arange(len(hard)) // 2
    held = hold_out_members(config, make_inputs(features, hard, groups=groups))
    twice = hold_out_members(config, make_inputs(features, soft, groups=np.repeat(groups, 2)))
    np.testing.assert_array_equal(twice, np.repeat(held, 2, axis=1))


@pytest.mark.parametrize("share", [0.5, 0.8, 1.0])
def test_the_mode_of_the_laplace_head_is_where_shares_pull_as_hard_as_the_prior(share):
    features, hard = toy_data()
    shares = np.full(len(hard), share)
    moments = features.mean(axis=0, dtype=np.float64), np.ones(features.shape[1])
    inputs = make_inputs(features, both_ways(hard, shares), moments=lambda: moments)
    config = make_params(reward__laplace__standardise=False, reward__laplace__prior_deviation=[2.0, 2.0])
    model = fit_laplace(config.reward.laplace, inputs)
    difference = (features[hard.winner] - features[hard.loser]).astype(np.float64)
    pull = difference.T @ (shares - expit(difference @ model.mode.numpy()))
    np.testing.assert_allclose(pull, model.alpha * model.mode.numpy(), atol=1e-3)


@pytest.mark.parametrize("kind", ["mlp_ensemble", "anchored_ensemble", "laplace"])
def test_shares_are_what_models_learn(kind):
    features, hard = toy_data(count=200, dim=4)
    moments = features.mean(axis=0, dtype=np.float64), features.std(axis=0, dtype=np.float64)
    changes = {
        "reward__mlp_ensemble__max_epochs": 20,
        **{f"reward__anchored_ensemble__{key}": value for key, value in ANCHORED.items()},
    }
    params = make_params(reward__kind=kind, **changes)
    mean = {}
    for share in (0.5, 0.75, 1.0):
        soft = both_ways(hard, np.full(len(hard), share))
        inputs = make_inputs(features, soft, moments=lambda: moments, groups=np.repeat(np.arange(len(hard)), 2))
        rewards = fit_model(params.reward, inputs).rewards(features).mean(axis=0)
        mean[share] = float((rewards[hard.winner] - rewards[hard.loser]).mean())
    assert abs(mean[0.5]) < 0.2 * mean[1.0]
    assert mean[0.5] < mean[0.75] < mean[1.0]


def test_one_soft_label_is_too_few_to_train_on():
    features, hard = toy_data()
    soft = both_ways(Comparisons(hard.winner[:1], hard.loser[:1]), np.array([0.7]))
    for kind in ("mlp_ensemble", "anchored_ensemble", "laplace"):
        moments = np.zeros(features.shape[1]), np.ones(features.shape[1])
        inputs = make_inputs(features, soft, moments=lambda moments=moments: moments)
        assert not fit_model(make_params(reward__kind=kind).reward, inputs).trained
    assert soft.label_count == 1
