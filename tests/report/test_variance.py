import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t as student

from prefloop.report.pooling import pooled_variance, prior_df
from prefloop.report.savings import auc_weights
from prefloop.report.scores import Scores, SeedSums, one_split
from prefloop.report.variance import contrast, units_of
from tests.report.regimes import LABELS, REGIMES, simulate_scores

AUC_WEIGHTS = auc_weights(LABELS)


def ones(sums):
    return one_split(sums, np.ones(sums.shape[-1], np.int64), np.ones(sums.shape[-1]))


def difference(policies, rounds=AUC_WEIGHTS):
    """Each policy but the first against the first."""
    rows = np.eye(policies)[1:] - np.eye(policies)[0]
    return rows[:, :, None] * rounds


@given(st.integers(2, 5), st.integers(2, 6), st.integers(0, 10**6))
def test_with_one_split_it_is_a_two_way_analysis_of_variance(seeds, prompts, seed):
    """Two policies: the contrast is one number per seed and prompt, and nothing is pooled beyond it."""
    sums = np.random.default_rng(seed).normal(size=(2, seeds, 1, prompts))
    of = contrast(units_of(ones(sums), np.ones(1)), difference(2, np.ones(1)))
    x = sums[1, :, 0] - sums[0, :, 0]
    by_seed, by_prompt, mean = x.mean(axis=1), x.mean(axis=0), x.mean()
    left = x - by_seed[:, None] - by_prompt + mean
    of_seeds = prompts * ((by_seed - mean) ** 2).sum() / (seeds - 1)
    of_prompts = seeds * ((by_prompt - mean) ** 2).sum() / (prompts - 1)
    of_both = (left**2).sum() / ((seeds - 1) * (prompts - 1))
    whole = (of_seeds + of_prompts - of_both) / (seeds * prompts)
    floor = max(of_seeds, of_prompts) / (seeds * prompts)
    assert of.value[0] == pytest.approx(mean)
    assert of.variance[0] == pytest.approx(max(whole, floor))


@given(st.integers(2, 6), st.integers(1, 5), st.integers(0, 10**6))
def test_without_recurring_prompts_it_is_the_variance_over_seeds(seeds, prompts, seed):
    rng = np.random.default_rng(seed)
    scores = Scores(
        tuple(
            SeedSums(rng.normal(size=(2, 1, prompts)), np.ones(prompts, np.int64), at, rng.uniform(1, 2, prompts))
            for at in np.arange(seeds * prompts).reshape(seeds, prompts)
        )
    )
    of = contrast(units_of(scores, np.ones(1)), difference(2, np.ones(1)))
    own = np.diff(scores.per_seed()[..., 0], axis=0)[0]
    within = of.by_prompt**2
    assert of.variance[0] == pytest.approx(max(own.var(ddof=1) / seeds, within.sum()))


@settings(max_examples=40)
@given(st.integers(1, 5), st.integers(1, 6), st.booleans(), st.integers(0, 10**6))
def test_it_never_falls_below_its_parts(seeds, prompts, own_split, seed):
    rng = np.random.default_rng(seed)
    scores = Scores(
        tuple(
            SeedSums(
                rng.normal(size=(4, 2, prompts)),
                rng.integers(1, 4, prompts),
                np.sort(rng.permutation(2 * prompts)[:prompts]) if own_split else np.arange(prompts),
                rng.uniform(0.1, 2, prompts),
            )
            for _ in range(seeds)
        )
    )
    of = contrast(units_of(scores, np.array([0.5, 0.5])), difference(4, np.array([0.5, 0.5])))
    if seeds == 1 and prompts == 1:
        assert np.isnan(of.variance).all()
    else:
        assert (of.variance >= of.of_seeds - 1e-15).all()
        assert (of.variance >= (of.by_prompt**2).sum(axis=0) - 1e-15).all()
        assert (of.df > 0).all()


def test_one_seed_has_the_prompts_variance():
    sums = np.random.default_rng(0).normal(size=(2, 1, 1, 7))
    of = contrast(units_of(ones(sums), np.ones(1)), difference(2, np.ones(1)))
    x = sums[1, 0, 0] - sums[0, 0, 0]
    assert of.variance[0] == pytest.approx(x.var(ddof=1) / 7)
    assert of.df[0] == pytest.approx(6)


def test_equal_policies_differ_by_nothing_for_sure():
    sums = np.repeat(np.random.default_rng(1).normal(size=(1, 3, 2, 5)), 3, axis=0)
    of = contrast(units_of(ones(sums), np.array([0.5, 0.5])), difference(3, np.array([0.5, 0.5])))
    assert of.value == pytest.approx(0)
    assert of.variance == pytest.approx(0)


@pytest.mark.parametrize("common", [0.0, 3.0])
def test_pooled_variance_is_unbiased_where_policies_vary_alike(common):
    """Contrasts that keep the seed's common effect, and ones that do not."""
    rng = np.random.default_rng(2)
    weights = np.array([[[1.0, 0.0], [0.0, -1.0], [0, 0]], [[1.0, -0.5], [-1.0, 0.5], [0, 0]]])
    found, true = [], []
    for _ in range(4000):
        per_seed = rng.normal(size=(4, 3, 2)) + common * rng.normal(size=(4, 1, 2))
        found.append(pooled_variance(per_seed, weights)[0])
        true.append(np.einsum("spr,cpr->sc", per_seed, weights).mean(axis=0))
    np.testing.assert_allclose(np.mean(found, axis=0), np.var(true, axis=0), rtol=0.08)


def test_policies_that_vary_alike_are_pooled_and_others_are_not():
    rng = np.random.default_rng(3)
    alike, apart = [], []
    for _ in range(100):
        noise = rng.normal(size=(8, 12, 1))
        alike.append(prior_df(noise, np.ones(1)))
        apart.append(prior_df(noise * np.geomspace(0.1, 10, 12)[:, None], np.ones(1)))
    assert np.median(alike) > 50
    assert np.median(apart) < 3
    assert prior_df(np.zeros((3, 4, 2)), np.ones(2)) == 0


def rejected(regime, seeds, own_split, times=250, policies=2):
    """Share of single 95 % intervals about the difference of equal policies that miss 0."""
    rng = np.random.default_rng([seeds, own_split, policies])
    misses = []
    for _ in range(times):
        scores = simulate_scores(rng, [1.0] * policies, seeds, REGIMES[regime], own_split)
        of = contrast(units_of(scores, AUC_WEIGHTS), difference(policies))
        misses.append(np.abs(of.value) > student.isf(0.025, of.df) * np.sqrt(of.variance))
    return np.mean(misses)


@pytest.mark.parametrize("regime", REGIMES)
@pytest.mark.parametrize(("seeds", "own_split"), [(3, False), (3, True), (4, False), (6, True), (10, False)])
def test_intervals_cover_a_difference_of_zero(regime, seeds, own_split):
    # 95 % is wanted; the standard error of 250 repetitions is 1.4 %.
    assert rejected(regime, seeds, own_split) <= 0.095
