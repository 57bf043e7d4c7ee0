"""Labels of a prompt that has many count for less in training, where the target wants prompts alike."""

from __future__ import annotations

import numpy as np
import pytest

from prefloop.labels.labelled import Labelled
from prefloop.pool.steps import fit_round, random_pairs
from prefloop.rng import Stream
from tests.worlds import make_params, open_world

KINDS = ["mlp_ensemble", "anchored_ensemble", "laplace"]


def rewards(layout, balance, target, kind):
    """Rewards after 40 random labels of a pool whose prompts recur."""
    params = make_params(reward__balance=balance, data__target=target, reward__kind=kind)
    problem, _ = open_world(layout, params, 0)
    pairs = random_pairs(problem.pool, 40, Labelled.empty().pairs, 0, Stream.INITIAL).pairs
    assert len(set(np.bincount(pairs.prompt).tolist())) > 2, "some prompts should have more labels than others"
    labelled = Labelled(pairs, (np.arange(40) % 3 == 0).astype(np.int8))
    model = fit_round(problem, params.reward, labelled, None, device="cpu", seed=0, round_=1)
    return model.rewards(problem.outside_completions)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_are_balanced_for_the_target_prompts_by_every_kind_of_model(layout, kind):
    alike, half, whole = (rewards(layout, balance, "prompts", kind) for balance in (0.0, 0.5, 1.0))
    assert not np.array_equal(alike, half)
    assert not np.array_equal(half, whole)


@pytest.mark.parametrize("kind", KINDS)
def test_for_the_target_pairs_labels_count_alike(layout, kind):
    alike = rewards(layout, 0.0, "prompts", kind)
    np.testing.assert_array_equal(rewards(layout, 0.5, "pairs", kind), alike)


def test_balance_moves_the_model_towards_the_prompts_with_few_labels(layout):
    params = make_params(reward__balance=1.0)
    problem, _ = open_world(layout, params, 0)
    pairs = random_pairs(problem.pool, 40, Labelled.empty().pairs, 0, Stream.INITIAL).pairs
    labelled = Labelled(pairs, np.zeros(40, dtype=np.int8))
    count = np.bincount(pairs.prompt)[pairs.prompt]
    weight = labelled.comparisons(1.0).weight
    assert weight[count == count.min()].min() > weight[count == count.max()].max()
    np.testing.assert_allclose(weight.mean(), 1)
