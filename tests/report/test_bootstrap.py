import numpy as np
import pytest

from prefloop.report.bootstrap import replicate_means
from prefloop.report.scores import one_split
from tests.report.regimes import REGIMES, simulate_scores

REGIME = REGIMES["seeds"]


def scores_of(sums):
    prompts = sums.shape[-1]
    return one_split(sums, np.ones(prompts, np.int64), np.ones(prompts))


def test_replicates_repeat_and_centre_on_the_mean():
    scores = simulate_scores(np.random.default_rng(0), [1, 1], 4, REGIME, own_split=False)
    first, second = (replicate_means(scores, 4000, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(np.median(first, axis=0), scores.mean(), atol=2e-3)


def test_equal_policies_never_differ_in_a_replicate():
    sums = np.repeat(np.random.default_rng(1).normal(size=(1, 4, 3, 9)), 2, axis=0)
    replicates = replicate_means(scores_of(sums), 200, np.random.default_rng(0))
    np.testing.assert_array_equal(replicates[:, 0], replicates[:, 1])


def test_one_seed_and_one_prompt_have_no_spread():
    scores = scores_of(np.random.default_rng(2).normal(size=(2, 1, 3, 1)))
    replicates = replicate_means(scores, 50, np.random.default_rng(0))
    np.testing.assert_array_equal(replicates, np.broadcast_to(scores.mean(), replicates.shape))


def test_spread_over_seeds_is_students():
    seeds = np.random.default_rng(3).normal(size=5)
    scores = scores_of(np.broadcast_to(seeds[None, :, None, None], (1, 5, 1, 1)).copy())
    replicates = replicate_means(scores, 200_000, np.random.default_rng(0))[:, 0, 0]
    half = 2.776 * seeds.std(ddof=1) / 5**0.5  # Student's t, 4 degrees of freedom, 97.5 %
    low, high = np.quantile(replicates, [0.025, 0.975])
    assert high - low == pytest.approx(2 * half, rel=0.03)
