"""The acquisition rules of active DPO on recorded views."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.config.load import load_params, packaged_params
from prefloop.dpo.config import DpoParams
from prefloop.dpo.registry import RULES
from prefloop.dpo.scores import certainty, implicit_reward, predictive_entropy
from prefloop.dpo.view import OnPolicyPairs, RoundView

M, G, E, SAMPLES, BETA = 6, 4, 3, 5, 0.2
POLICIES = load_params(packaged_params(DpoParams), DpoParams).policies
SMALL = {"pairs": G, "prompts": E, "samples": SAMPLES, "sketch": 8, "max_cosine": 0.5}
CONFIGS = {
    policy.rule: policy.model_copy(update={k: v for k, v in SMALL.items() if k in type(policy).model_fields})
    for policy in POLICIES.values()
}


class World:
    """Prompts with fixed entropies, pairs and directions; remembers what a rule asked for.

    Prompts in `repeats` get no pair; in an untrained world the policy is the reference.
    """

    def __init__(self, prompts=120, seed=0, trained=True, labelled=3, repeats=(), beta=BETA):
        rng = np.random.default_rng(seed)
        self.entropy = rng.random(prompts) * 10
        self.log_reference = -rng.random((prompts, 2)) * 30
        self.log_policy = self.log_reference + trained * rng.standard_normal((prompts, 2))
        self.direction = rng.standard_normal((prompts, 8))
        self.labelled = rng.standard_normal((labelled, 8))
        self.order = rng.permutation(prompts)
        self.repeats, self.beta = list(repeats), beta
        self.drawn, self.sampled, self.written, self.by_reference = [], [], [], []

    def view(self):
        def draw(n):
            self.drawn = self.order[:n].tolist()
            return self.order[:n]

        def samples(prompts, n):
            self.sampled, self.samples = prompts.tolist(), n
            return -np.repeat(self.entropy[prompts][:, None], n, axis=1)

        def write(prompts):
            self.written = prompts.tolist()
            return self.pairs(prompts)

        def write_by_reference(prompts):
            self.by_reference = prompts.tolist()
            return self.pairs(prompts)

        def directions(pairs, size):
            return self.direction[pairs.prompt, :size]

        def labelled_directions(size):
            return self.labelled[:, :size]

        return RoundView(draw, samples, write, write_by_reference, directions, labelled_directions, self.beta)

    def pairs(self, prompts):
        told = prompts[~np.isin(prompts, self.repeats)]
        return OnPolicyPairs(told, self.log_policy[told], self.log_reference[told], told)

    @property
    def certainty(self):
        rewards = implicit_reward(self.log_policy, self.log_reference, self.beta)
        return certainty(rewards[:, 0], rewards[:, 1])

    def swap(self, some):
        """Turn some pairs round."""
        for values in (self.log_policy, self.log_reference):
            values[some] = values[some, ::-1]
        self.direction[some] *= -1


def choose(name, world, seed=0, **changes):
    config = CONFIGS[name].model_copy(update=changes)
    return RULES[name].choose(world.view(), M, np.random.default_rng(seed), config)


def chosen(name, world, seed=0, **changes):
    return choose(name, world, seed, **changes).prompt.tolist()


def test_every_rule_is_tested():
    assert CONFIGS.keys() == RULES.keys()


@pytest.mark.parametrize("name", sorted(RULES))
class TestEveryRule:
    def test_gives_m_pairs_of_distinct_prompts(self, name):
        assert len(chosen(name, World())) == len(set(chosen(name, World()))) == M

    def test_same_seed_same_choice(self, name):
        assert chosen(name, World(), seed=3) == chosen(name, World(), seed=3)

    def test_chooses_of_what_was_written_of_what_was_drawn(self, name):
        world = World()
        picks = set(chosen(name, world))
        written = set(world.by_reference if name == "offline" else world.written)
        assert picks <= written <= set(world.drawn)

    @pytest.mark.parametrize("left", [0, 1, M - 1, M, M + 1])
    def test_takes_what_there_is_when_prompts_run_out(self, name, left):
        assert len(set(chosen(name, World(prompts=left)))) == min(left, M)
        assert len(choose(name, World(prompts=left))) == min(left, M)

    def test_prompts_that_drop_out_are_not_chosen(self, name):
        repeats = World().order[::2]
        picks = chosen(name, World(repeats=repeats))
        assert picks
        assert set(picks).isdisjoint(repeats.tolist())

    def test_nothing_but_repeats_is_nothing(self, name):
        assert chosen(name, World(repeats=range(120))) == []

    def test_the_order_of_pairs_changes_nothing(self, name):
        turned = World()
        turned.swap(np.random.default_rng(1).random(120) < 0.5)
        assert chosen(name, turned) == chosen(name, World())

    def test_the_order_of_a_drawing_decides_only_what_is_drawn(self, name):
        if name in ("random", "offline", "random_compute_matched"):
            pytest.skip("takes them in their order")
        world, other = World(), World()
        picks = set(chosen(name, world))
        other.order = np.concatenate([world.drawn[::-1], world.order[len(world.drawn) :]])
        assert set(chosen(name, other)) == picks

    @pytest.mark.parametrize("beta", [0.01, 3.0])
    def test_beta_changes_nothing(self, name, beta):
        if name == "d_optimal":
            pytest.skip("beta says how decided a pair is")
        assert chosen(name, World(beta=beta)) == chosen(name, World())


def largest(scores, among, count):
    among = np.asarray(among)
    return set(among[np.argsort(-scores[among])[:count]].tolist())


def test_offline_takes_pairs_of_the_reference():
    world = World()
    assert chosen("offline", world) == world.by_reference == world.order[:M].tolist()
    assert world.written == []


def test_entropy_takes_the_largest_of_what_was_drawn():
    world = World()
    picks = chosen("entropy", world)
    assert len(world.drawn) == M * E
    assert world.samples == SAMPLES
    assert set(picks) == set(world.written) == largest(world.entropy, world.drawn, M)


@pytest.mark.parametrize(("name", "sign"), [("certainty", 1), ("least_certain", -1)])
def test_certainty_takes_the_surest_and_its_ablation_the_least(name, sign):
    world = World()
    picks = chosen(name, world)
    assert len(world.drawn) == M * G
    assert world.sampled == []
    assert set(picks) == largest(sign * world.certainty, world.drawn, M)


def test_hybrid_is_nested():
    world = World()
    picks = set(chosen("hybrid", world))
    assert len(world.drawn) == len(world.sampled) == M * G * E
    assert set(world.written) == largest(world.entropy, world.drawn, M * G)
    assert picks == largest(world.certainty, world.written, M)
    assert picks < set(world.written) < set(world.drawn)


def test_random_compute_matched_writes_as_much_as_hybrid_and_ignores_it():
    world, other = World(), World()
    choose("hybrid", world)
    picks = chosen("random_compute_matched", other)
    assert [len(x) for x in (other.drawn, other.sampled, other.written)] == [
        len(x) for x in (world.drawn, world.sampled, world.written)
    ]
    assert other.samples == world.samples
    changed = World()
    changed.log_policy, changed.entropy = changed.log_policy[::-1], changed.entropy[::-1]
    assert chosen("random_compute_matched", changed) == picks


SURE = ["certainty", "least_certain", "hybrid", "diverse_certainty"]


@pytest.mark.parametrize("name", SURE)
def test_before_any_training_the_choice_is_by_a_seeded_draw(name):
    picks = [chosen(name, World(trained=False), seed) for seed in (0, 0, 1)]
    assert picks[0] == picks[1] != picks[2]


@pytest.mark.parametrize("name", SURE)
def test_before_any_training_every_written_pair_is_as_likely(name):
    """Chi-square over 400 seeds; a diverse choice is uniform where nothing is like anything else."""
    counts = np.zeros(120)
    for seed in range(400):
        world = World(trained=False)
        counts[chosen(name, world, seed, **({"max_cosine": 1.0} if "diverse" in name else {}))] += 1
    expected = 400 * M / (M * G)
    among = counts[world.written]
    assert counts.sum() == among.sum() == 400 * M
    assert ((among - expected) ** 2).sum() / (expected * (1 - 1 / G)) < 50  # 23 degrees of freedom: p = 0.001


def test_equal_entropies_are_equally_likely():
    counts = np.zeros(120)
    for seed in range(400):
        world = World()
        world.entropy[:] = 1.0
        counts[chosen("entropy", world, seed)] += 1
    among = counts[world.drawn]
    assert ((among - 400 / E) ** 2).sum() / (400 / E * (1 - 1 / E)) < 42  # 17 degrees of freedom: p = 0.001


def test_entropy_is_minus_the_mean_and_goes_with_its_prompt():
    logs = -np.random.default_rng(0).random((7, 4)) * 20
    found = predictive_entropy(logs)
    np.testing.assert_allclose(found, [-sum(row) / 4 for row in logs])
    order = np.random.default_rng(1).permutation(7)
    np.testing.assert_array_equal(predictive_entropy(logs[order]), found[order])


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
