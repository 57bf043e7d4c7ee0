import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.report.bootstrap import PromptSums, replicate_means, sums_by_prompt
from prefloop.report.savings import area, saving

LABELS = 64 * np.arange(1, 9)
MEAN = -0.60 + 0.08 * (1 - np.exp(-2 * np.arange(8) / 8))


def simulate(rng, policies=2, seeds=4, prompts=60, of_seeds=0.006, of_prompts=0.2, of_both=0.03):
    """Curves without any difference between policies: noise of seeds (kept half from round to round), of
    prompts (shared by all), and of both."""
    noise = rng.normal(size=(policies, seeds, 8)) * of_seeds
    noise[:, :, 0] = noise[0, :, 0]
    for round_ in range(1, 8):
        noise[:, :, round_] = 0.5 * noise[:, :, round_ - 1] + 0.75**0.5 * noise[:, :, round_]
    shared = rng.normal(size=prompts) * of_prompts
    rest = rng.normal(size=(policies, seeds, 8, prompts)) * of_both
    return PromptSums(MEAN[:, None] + noise[..., None] + shared + rest, np.ones(prompts, np.int64))


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 10**6))
def test_sums_by_prompt_equal_the_loop(n, prompts, seed):
    rng = np.random.default_rng(seed)
    scores, prompt = rng.normal(size=(2, n)), rng.integers(0, prompts, n)
    sums, pairs = sums_by_prompt(scores, prompt)
    for column, number in enumerate(np.unique(prompt)):
        np.testing.assert_allclose(sums[:, column], scores[:, prompt == number].sum(axis=1))
        assert pairs[column] == (prompt == number).sum()


def test_replicates_repeat_and_centre_on_the_mean():
    scores = simulate(np.random.default_rng(0))
    first, second = (replicate_means(scores, 4000, np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_allclose(np.median(first, axis=0), scores.mean(), atol=2e-3)


def test_equal_policies_never_differ_in_a_replicate():
    scores = simulate(np.random.default_rng(1), policies=1)
    doubled = PromptSums(np.concatenate([scores.sums] * 2), scores.pairs)
    replicates = replicate_means(doubled, 200, np.random.default_rng(0))
    np.testing.assert_array_equal(replicates[:, 0], replicates[:, 1])


def test_one_seed_and_one_prompt_have_no_spread():
    scores = simulate(np.random.default_rng(2), seeds=1, prompts=1)
    replicates = replicate_means(scores, 50, np.random.default_rng(0))
    np.testing.assert_array_equal(replicates, np.broadcast_to(scores.mean(), replicates.shape))


def test_spread_over_seeds_is_students():
    rng = np.random.default_rng(3)
    seeds = rng.normal(size=5)
    scores = PromptSums(np.broadcast_to(seeds[None, :, None, None], (1, 5, 1, 1)).copy(), np.ones(1, np.int64))
    replicates = replicate_means(scores, 200_000, np.random.default_rng(0))[:, 0, 0]
    half = 2.776 * seeds.std(ddof=1) / 5**0.5  # Student's t, 4 degrees of freedom, 97.5 %
    low, high = np.quantile(replicates, [0.025, 0.975])
    assert high - low == pytest.approx(2 * half, rel=0.03)


@pytest.mark.parametrize("seeds", [3, 4])
@pytest.mark.parametrize(("of_seeds", "of_both"), [(0.006, 0.0), (0.006, 0.15), (0.03, 0.03)])
def test_two_equal_streams_show_no_saving(seeds, of_seeds, of_both):
    rng = np.random.default_rng([seeds, int(1000 * of_seeds), int(100 * of_both)])
    covered_saving = covered_area = 0
    times = 400
    for _ in range(times):
        scores = simulate(rng, seeds=seeds, of_seeds=of_seeds, of_both=of_both)
        replicates = replicate_means(scores, 300, rng)
        of = saving(float(LABELS[-1]), replicates[:, 1] - replicates[:, 0, -1:], LABELS, 0.95)
        covered_saving += (of.saved_low is None or of.saved_low <= 1e-9) and of.saved_high is not None
        gap = np.diff(area(replicates, LABELS), axis=1)[:, 0]
        covered_area += np.quantile(gap, 0.025) <= 0 <= np.quantile(gap, 0.975)
    # 95 % is wanted, the standard error of 400 repetitions is 1 %.
    assert covered_saving / times >= 0.92
    assert covered_area / times >= 0.92
