"""`bal_pm_published` against the authors' formula, transcribed pair by pair from its description."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from prefloop import uncertainty as u
from prefloop.acquisition.entropic import BalPMPublished
from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.acquisition.testing import GivenRewards, make_view
from prefloop.data.pairs import Pairs
from prefloop.entropy.published import PoolEntropy, slip_shift
from prefloop.neighbours.build import build_graph
from prefloop.rng import Stream, generator
from tests.worlds import make_params

C, D = 1e-4, 1.0


class Transcription:
    """One round, literally: every pair left is a row; each row's radius, count and score by brute force."""

    def __init__(self, pool, labelled, uncertainty, beta, k, slip):
        pool = np.array(pool, dtype=np.float64)
        labelled = np.array(labelled, dtype=np.float64).reshape(-1, pool.shape[1])
        with np.errstate(divide="ignore", invalid="ignore"):  # a constant feature
            self.pool = (pool - pool.mean(axis=0) / pool.std(axis=0)) if slip else pool
        self.uncertainty, self.beta = uncertainty, beta
        self.radius, self.count = [], []
        for x in pool:
            # Distances in the pool do not feel the shift; taken before it, they are free of its rounding.
            self.radius.append(sorted(math.dist(x, y) for y in pool)[min(k, len(pool)) - 1])
        for x, radius in zip(self.pool, self.radius, strict=True):
            self.count.append(sum(math.dist(x, y) <= radius for y in labelled))
        self.unshifted = pool
        self.chosen = []

    def scores(self):
        result = []
        for row, radius in enumerate(self.radius):
            h = math.log(2 * radius + C) - digamma(self.count[row] + 1) / D
            result.append(-math.inf if row in self.chosen else self.uncertainty[row] + self.beta * h)
        return result

    def acquire(self, pick):
        self.chosen.append(pick)
        for row, radius in enumerate(self.radius):
            self.count[row] += math.dist(self.unshifted[row], self.unshifted[pick]) <= radius


class World:
    """Prompts that repeat, some under two numbers with one vector; a view and a transcription of each round."""

    def __init__(self, seed, lattice=False, prompts=20, pairs=110, dim=6, k=13):
        rng = np.random.default_rng(seed)
        # Sentence vectors have means that are large against their deviations, and length 1.
        vectors = rng.standard_normal((prompts, dim)) + np.linspace(-3, 4, dim)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        if lattice:
            vectors = rng.integers(0, 3, (prompts, 2))
        self.vectors = vectors.astype(np.float32)
        self.vectors[1] = self.vectors[0]
        self.graph, _ = build_graph(self.vectors, make_params().neighbours)
        self.prompt = (prompts * rng.random(pairs) ** 2).astype(np.int64)
        self.rng, self.k = rng, k
        self.acquired = rng.permutation(pairs)[: pairs // 7]

    def rounds(self, batches, slip, beta):
        """Choose batches one after another; yields picks and the transcription before them."""
        for number, size in enumerate(batches, start=1):
            left = np.setdiff1d(np.arange(len(self.prompt)), self.acquired)
            rewards = self.rng.normal(scale=0.6, size=(4, 2 * len(left))).astype(np.float32)
            view = self.view(left, rewards, number)
            config = BalPMPublished(
                beta=beta,
                offset=C,
                dimension=D,
                k=self.k,
                standardisation="slip" if slip else "none",
            )
            picks = BATCH_POLICIES["bal_pm_published"].choose(
                view, size, generator(0, number, Stream.SELECT), config
            )
            literal = Transcription(
                self.vectors[self.prompt[left]],
                self.vectors[self.prompt[self.acquired]],
                u.bald(view.logits),
                beta,
                self.k,
                slip,
            )
            yield picks, literal
            self.acquired = np.concatenate([self.acquired, left[picks.picks]])

    def view(self, left, rewards, number):
        none = np.zeros(len(self.acquired), dtype=np.int64)
        pairs = Pairs(np.arange(0, 2 * len(left), 2), np.arange(1, 2 * len(left), 2), self.prompt[left])
        return replace(
            make_view(),
            prompt=self.prompt[left],
            form=lambda: pairs,
            acquired_a=none,
            acquired_b=none,
            acquired_prompt=self.prompt[self.acquired],
            predicted=GivenRewards(rewards),
            prompt_features=self.vectors,
            neighbours=lambda: self.graph,
            round=number,
        )


@pytest.mark.parametrize("slip", [True, False])
@pytest.mark.parametrize("beta", [0.003, 0.01, 0.03, 0.3])
@pytest.mark.parametrize("seed", range(3))
def test_it_picks_what_the_transcription_picks_over_several_rounds(seed, beta, slip):
    for selection, literal in World(seed).rounds([20, 10, 30, 20], slip, beta):
        expected = []
        for score in selection.scores:
            scores = literal.scores()
            expected.append(int(np.argmax(scores)))
            assert score == pytest.approx(max(scores), abs=1e-6)
            literal.acquire(expected[-1])
        assert selection.picks.tolist() == expected


@given(st.integers(0, 10_000), st.booleans(), st.sampled_from([0.01, 0.5, 5.0]), st.integers(1, 20))
@settings(max_examples=25, deadline=None)
def test_on_a_lattice_with_ties_everywhere_each_pick_is_a_best_one(seed, slip, beta, k):
    world = World(seed, lattice=True, prompts=12, pairs=40, k=k)
    for selection, literal in world.rounds([6, 9, 14], slip, beta):
        for pick in selection.picks:
            scores = literal.scores()
            assert scores[pick] == pytest.approx(max(scores), abs=1e-6)
            literal.acquire(int(pick))


def counted(slip):
    world = World(0, prompts=120, pairs=400, dim=24)
    node = world.graph.node_of_prompt[world.prompt]
    left = np.setdiff1d(np.arange(400), world.acquired)
    vectors = world.vectors[world.graph.first_prompt]
    entropy = PoolEntropy(vectors, node[left], node[world.acquired], 13, C, D, slip)
    literal = Transcription(
        world.vectors[world.prompt[left]], world.vectors[world.prompt[world.acquired]], None, 0.0, 13, slip
    )
    by_pair = entropy.counts[np.searchsorted(np.unique(node[left]), node[left])]
    np.testing.assert_array_equal(by_pair, literal.count)
    return by_pair


def test_with_the_slip_earlier_labels_count_almost_nowhere():
    assert (counted(slip=True) > 0).mean() < 0.01
    assert (counted(slip=False) > 0).mean() > 0.5


def test_with_the_slip_picks_of_the_same_batch_still_count():
    vectors = np.random.default_rng(0).normal(2, 1, (30, 4)).astype(np.float32)
    entropy = PoolEntropy(vectors, np.arange(30), np.zeros(0, dtype=np.int64), 5, C, D, slip=True)
    before = entropy.values.copy()
    changed = entropy.acquire(7)
    assert 7 in changed
    assert (entropy.values[changed] < before[changed]).all()
    others = np.setdiff1d(np.arange(30), changed)
    np.testing.assert_array_equal(entropy.values[others], before[others])


def test_a_prompt_in_more_than_k_pairs_has_the_smallest_radius_there_is():
    vectors = np.random.default_rng(0).standard_normal((20, 3)).astype(np.float32)
    left = np.concatenate([np.arange(20), np.full(12, 4)])
    entropy = PoolEntropy(vectors, left, np.zeros(0, dtype=np.int64), 13, C, D, slip=False)
    assert entropy.values[4] == pytest.approx(math.log(C) - digamma(1))
    assert (np.delete(entropy.values, 4) > entropy.values[4] + 5).all()


def test_the_radius_grows_as_the_pool_is_used_up():
    vectors = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    none = np.zeros(0, dtype=np.int64)
    full = PoolEntropy(vectors, np.arange(40), none, 13, C, D, slip=False).values[20:]
    half = PoolEntropy(vectors, np.arange(20, 40), none, 13, C, D, slip=False).values[20:]
    assert (half >= full).all()
    assert half.mean() > full.mean() + 0.1


def test_the_slip_subtracts_mean_over_deviation_of_the_pairs():
    rng = np.random.default_rng(0)
    vectors, multiplicity = rng.normal(3, 2, (9, 4)).astype(np.float32), rng.integers(1, 6, 9)
    points = np.repeat(vectors, multiplicity, axis=0).astype(np.float64)
    expected = points.mean(axis=0) / points.std(axis=0)
    np.testing.assert_allclose(slip_shift(vectors, multiplicity), expected)


def test_a_constant_feature_puts_earlier_labels_out_of_reach_and_nothing_breaks():
    vectors = np.random.default_rng(0).normal(0, 1, (20, 3)).astype(np.float32)
    vectors[:, 1] = 0.0
    entropy = PoolEntropy(vectors, np.arange(20), np.arange(20), 13, C, D, slip=True)
    assert entropy.counts.tolist() == [0] * 20
    assert np.isfinite(entropy.values).all()
    assert PoolEntropy(vectors, np.arange(20), np.arange(20), 13, C, D, slip=False).counts.min() >= 13
