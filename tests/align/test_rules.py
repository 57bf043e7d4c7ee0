"""The acquisition rules of active DPO on recorded views."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.align.registry import RULES
from prefloop.align.rules import Oversampling
from prefloop.align.scores import certainty, implicit_reward
from prefloop.align.view import OnPolicyPairs, RoundView
from prefloop.errors import NothingLeft

M, CONFIG = 6, Oversampling(pairs=4, prompts=3, beta=0.2)


class World:
    """Prompts with fixed entropies and pairs; remembers what a rule asked for."""

    def __init__(self, prompts=120, seed=0, trained=True):
        rng = np.random.default_rng(seed)
        self.entropy = rng.random(prompts) * 10
        self.log_reference = -rng.random((prompts, 2)) * 30
        self.log_policy = self.log_reference + trained * rng.standard_normal((prompts, 2))
        self.order = rng.permutation(prompts)
        self.drawn, self.sampled, self.written = [], [], []

    def view(self):
        def draw(n):
            self.drawn = self.order[:n].tolist()
            return self.order[:n]

        def samples(prompts):
            self.sampled = prompts.tolist()
            return -np.repeat(self.entropy[prompts][:, None], 4, axis=1)

        def write(prompts):
            self.written = prompts.tolist()
            return self.pairs(prompts)

        return RoundView(draw, samples, write, lambda: self.pairs(self.order))

    def pairs(self, prompts):
        return OnPolicyPairs(prompts, self.log_policy[prompts], self.log_reference[prompts], prompts)

    @property
    def certainty(self):
        rewards = implicit_reward(self.log_policy, self.log_reference, CONFIG.beta)
        return certainty(rewards[:, 0], rewards[:, 1])


def choose(name, world, seed=0, config=CONFIG):
    return RULES[name](world.view(), M, np.random.default_rng(seed), config)


@pytest.mark.parametrize("name", sorted(RULES))
class TestEveryRule:
    def test_gives_m_pairs_of_distinct_prompts(self, name):
        chosen = choose(name, World())
        assert len(chosen) == len(set(chosen.prompt.tolist())) == M

    def test_same_seed_same_choice(self, name):
        assert choose(name, World()).prompt.tolist() == choose(name, World()).prompt.tolist()

    def test_says_when_prompts_run_out(self, name):
        with pytest.raises(NothingLeft, match="6 comparisons wanted, 5"):
            choose(name, World(prompts=5))

    def test_takes_what_there_is_when_it_cannot_oversample(self, name):
        assert sorted(choose(name, World(prompts=M)).prompt.tolist()) == list(range(M))

    def test_beta_and_the_order_of_a_pair_change_nothing(self, name):
        world, swapped = World(), World()
        swapped.log_policy, swapped.log_reference = world.log_policy[:, ::-1], world.log_reference[:, ::-1]
        expected = choose(name, world).prompt.tolist()
        assert choose(name, swapped).prompt.tolist() == expected
        assert choose(name, World(), config=replace(CONFIG, beta=3.0)).prompt.tolist() == expected


def largest(scores, among, count):
    among = np.asarray(among)
    return set(among[np.argsort(-scores[among])[:count]].tolist())


def test_entropy_takes_the_largest_of_what_was_drawn():
    world = World()
    chosen = choose("entropy", world)
    assert len(world.drawn) == M * 3
    assert set(chosen.prompt.tolist()) == set(world.written) == largest(world.entropy, world.drawn, M)


@pytest.mark.parametrize(("name", "sign"), [("certainty", 1), ("least_certain", -1)])
def test_certainty_takes_the_surest_and_its_ablation_the_least(name, sign):
    world = World()
    chosen = choose(name, world)
    assert len(world.drawn) == M * 4
    assert world.sampled == []
    assert set(chosen.prompt.tolist()) == largest(sign * world.certainty, world.drawn, M)


def test_hybrid_is_nested():
    world = World()
    chosen = set(choose("hybrid", world).prompt.tolist())
    assert len(world.drawn) == len(world.sampled) == M * 4 * 3
    assert set(world.written) == largest(world.entropy, world.drawn, M * 4)
    assert chosen == largest(world.certainty, world.written, M)


def test_random_compute_matched_writes_as_much_as_hybrid_and_ignores_it():
    world, other = World(), World()
    choose("hybrid", world)
    chosen = choose("random_compute_matched", other)
    assert [len(x) for x in (other.drawn, other.sampled, other.written)] == [
        len(x) for x in (world.drawn, world.sampled, world.written)
    ]
    changed = World()
    changed.log_policy, changed.entropy = changed.log_policy[::-1], changed.entropy[::-1]
    assert choose("random_compute_matched", changed).prompt.tolist() == chosen.prompt.tolist()


@pytest.mark.parametrize("name", ["certainty", "least_certain", "hybrid"])
def test_before_any_training_the_choice_is_by_a_seeded_draw(name):
    picks = [choose(name, World(trained=False), seed).prompt.tolist() for seed in (0, 0, 1)]
    assert picks[0] == picks[1] != picks[2]
    counts = np.zeros(120)
    for seed in range(400):
        counts[choose("certainty", World(trained=False), seed).prompt] += 1
    among = counts[World().order[: M * 4]]
    assert (np.abs(among - 100) < 45).all()


@given(
    log_policy=st.lists(st.floats(-50, 0), min_size=4, max_size=4),
    log_reference=st.lists(st.floats(-50, 0), min_size=4, max_size=4),
    beta=st.floats(0.01, 5),
)
def test_certainty_scales_with_beta_and_ignores_the_order(log_policy, log_reference, beta):
    policy, reference = (np.array(x).reshape(2, 2) for x in (log_policy, log_reference))
    one, other = (implicit_reward(policy, reference, b) for b in (1.0, beta))
    np.testing.assert_allclose(certainty(*other.T), beta * certainty(*one.T), atol=1e-9)
    np.testing.assert_array_equal(certainty(*other.T), certainty(*other.T[::-1]))
