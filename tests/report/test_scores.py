import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.report.scores import Scores, SeedSums, sums_by_prompt


def some_scores(seed, seeds=3):
    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(seeds):
        prompts = int(rng.integers(1, 6))
        pairs = rng.integers(1, 5, prompts)
        sums = rng.normal(size=(2, 3, prompts))
        parts.append(SeedSums(sums, pairs, rng.permutation(10)[:prompts], rng.uniform(0.1, 3, prompts)))
    return Scores(tuple(parts))


@given(st.integers(1, 30), st.integers(1, 6), st.integers(0, 10**6))
def test_sums_by_prompt_equal_the_loop(n, prompts, seed):
    rng = np.random.default_rng(seed)
    scores, prompt = rng.normal(size=(2, n)), rng.integers(0, prompts, n)
    sums, pairs = sums_by_prompt(scores, prompt)
    for column, number in enumerate(np.unique(prompt)):
        np.testing.assert_allclose(sums[:, column], scores[:, prompt == number].sum(axis=1))
        assert pairs[column] == (prompt == number).sum()


@given(st.integers(0, 10**6))
def test_a_score_is_the_weighted_mean_of_prompts_then_of_seeds(seed):
    scores = some_scores(seed)
    by_hand = []
    for of in scores.seeds:
        total = sum(of.weight[q] * of.sums[..., q] / of.pairs[q] for q in range(len(of.pairs)))
        by_hand.append(total / sum(of.weight))
    np.testing.assert_allclose(scores.mean(), np.mean(by_hand, axis=0))
    np.testing.assert_allclose(scores.per_seed(), np.stack(by_hand, axis=1))


@given(st.integers(0, 10**6))
def test_pairs_alike_is_the_mean_over_pairs(seed):
    scores = some_scores(seed)
    means = [of.sums.sum(axis=-1) / of.pairs.sum() for of in scores.seeds]
    np.testing.assert_allclose(scores.weighted("pairs").mean(), np.mean(means, axis=0))
    alike = [(of.sums / of.pairs).mean(axis=-1) for of in scores.seeds]
    np.testing.assert_allclose(scores.weighted("prompts").mean(), np.mean(alike, axis=0))


def test_one_prompt_alone_leaves_out_the_seeds_without_it():
    scores = some_scores(4)
    number = int(scores.seeds[0].prompt[0])
    with_it = [of for of in scores.seeds if number in of.prompt]
    expected = np.mean([(of.sums / of.pairs)[..., of.prompt == number][..., 0] for of in with_it], axis=0)
    np.testing.assert_allclose(scores.weighted("largest", number).mean(), expected)
    assert scores.weighted("largest", 99) is None
    assert scores.weighted("largest", None) is None


def test_equal_numbers_have_exactly_their_mean():
    of = SeedSums(
        np.full((1, 1, 3), 1.0) * [1, 2, 3], np.array([1, 2, 3]), np.arange(3), np.array([0.1, 0.2, 0.7])
    )
    assert of.mean().item() == 1.0
    assert Scores((of,)).pairs() == pytest.approx(6)
