"""Every pair rule against its formula written out, and in its limits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.acquisition.registry import ORACLE_UPPER_BOUNDS, PAIR_RULES
from prefloop.acquisition.responses import PairParameters
from prefloop.config.policies import Policy
from tests.acquisition.literal import choose, prompt_of
from tests.acquisition.responses import make_responses
from tests.worlds import make_params

PARAMS = make_params()
# One set of parameters for each registered rule, as the named policies ship them.
RULES = {policy.pairs.rule: policy.pairs for policy in PARAMS.policies.values()}
RULES |= {"given": PairParameters(rule="given", per_prompt=1)}


def picked(view, rule):
    """Chosen (i, j) of each prompt, positions within the prompt."""
    chosen = PAIR_RULES[rule.rule].choose(view, rule)
    starts = view.by_prompt.starts
    return list(
        zip(
            (view.free.first[chosen] - starts).tolist(),
            (view.free.second[chosen] - starts).tolist(),
            strict=True,
        )
    )


def test_the_registry_and_the_parameter_models_name_the_same_rules():
    schema = Policy.model_json_schema()["properties"]["pairs"]["discriminator"]["mapping"]
    assert set(schema) == set(PAIR_RULES) == set(RULES)
    assert set(PAIR_RULES) >= ORACLE_UPPER_BOUNDS


@pytest.mark.parametrize("name", sorted(PAIR_RULES))
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    sizes=st.lists(st.integers(2, 7), min_size=1, max_size=5),
    grid=st.sampled_from([None, 0.5, 1.0]),
    taken=st.sampled_from([0.0, 0.5]),
    listed=st.booleans(),
    spread=st.sampled_from([0.0, 1.0]),
    beta=st.sampled_from([0.0, 0.5, 2.0]),
)
def test_every_rule_equals_its_formula_written_out(name, seed, sizes, grid, taken, listed, spread, beta):
    view = make_responses(np.random.default_rng(seed), sizes, grid=grid, taken=taken, listed=listed, spread=spread)
    rule = RULES[name]
    rule = rule.model_copy(update={"beta": beta, "redraws": 3} if hasattr(rule, "beta") else {})
    expected = [choose(prompt_of(view, g), rule) for g in range(len(view.by_prompt.counts))]
    assert picked(view, rule) == expected


@pytest.mark.parametrize("name", sorted(PAIR_RULES))
@pytest.mark.parametrize("k", [2, 3, 9])
def test_equal_scores_give_two_different_responses(name, k):
    view = make_responses(np.random.default_rng(0), [k] * 50, spread=0.0)
    view.__dict__["mean"] = np.zeros(50 * k)
    assert all(i != j for i, j in picked(view, RULES[name]))


def frequencies(name, k=4, prompts=10_000, **changes):
    """How often each unordered pair is chosen where all responses are alike."""
    view = make_responses(np.random.default_rng(1), [k] * prompts, spread=0.0)
    flat = np.zeros(prompts * k)
    alike = dict.fromkeys(("characters", "strength", "judge"), lambda: flat)
    view = replace(view, draw=lambda number: flat, **alike)
    view.__dict__["mean"] = view.__dict__["deviation"] = flat
    pairs = np.sort(np.array(picked(view, RULES[name].model_copy(update=changes))), axis=1)
    counts = np.zeros((k, k))
    np.add.at(counts, tuple(pairs.T), 1)
    return counts[np.triu_indices(k, 1)] / prompts


@pytest.mark.parametrize("name", sorted(PAIR_RULES))
def test_an_indifferent_rule_chooses_uniformly(name):
    # Each of 6 pairs: 1/6, standard error 0.0037.
    np.testing.assert_allclose(frequencies(name), np.full(6, 1 / 6), atol=0.019)


@pytest.mark.parametrize("redraws", [0, 2])
def test_redraws_are_counted_after_the_first_fresh_draw(redraws):
    """Response 0 wins every draw but the last one allowed, which response 2 wins."""
    view = make_responses(np.random.default_rng(0), [3] * 5)
    asked = []

    def draw(number):
        asked.append(number)
        return np.tile([1.0, 0.0, 2.0 if number == redraws + 1 else -1.0], 5)

    chosen = picked(replace(view, draw=draw), RULES["dts"].model_copy(update={"redraws": redraws}))
    assert chosen == [(0, 2)] * 5
    assert asked == list(range(redraws + 2))


def without_uncertainty(seed=3, prompts=200, k=6):
    view = make_responses(np.random.default_rng(seed), [k] * prompts, spread=0.0)
    mean = view.mean
    view = replace(view, predict=lambda: np.tile(mean, (5, 1)), draw=None)
    return view, mean.reshape(prompts, k)


@pytest.mark.parametrize("draws", ["member", "noise"])
class TestWithoutUncertainty:
    def test_drts_is_the_best_against_the_worst(self, draws):
        view, mean = without_uncertainty()
        pairs = np.array(picked(view, RULES["drts"].model_copy(update={"draws": draws})))
        np.testing.assert_array_equal(pairs, np.stack([mean.argmax(1), mean.argmin(1)], axis=1))

    @pytest.mark.parametrize("name", ["dts", "infogain"])
    def test_thompson_rules_start_with_the_best(self, name, draws):
        view, mean = without_uncertainty()
        pairs = np.array(picked(view, RULES[name].model_copy(update={"draws": draws})))
        np.testing.assert_array_equal(pairs[:, 0], mean.argmax(1))

    def test_the_second_of_dts_is_uniform_when_every_draw_repeats_the_first(self, draws):
        view, mean = without_uncertainty(prompts=20_000, k=4)
        pairs = np.array(picked(view, RULES["dts"].model_copy(update={"draws": draws})))
        rank = (mean < mean[np.arange(len(mean)), pairs[:, 1]][:, None]).sum(1)
        np.testing.assert_allclose(np.bincount(rank, minlength=4) / 20_000, [1 / 3, 1 / 3, 1 / 3, 0], atol=0.02)


class TestBetaZero:
    def check(self, name, expected):
        view = make_responses(np.random.default_rng(5), [6] * 200)
        mean = view.mean.reshape(200, 6)
        pairs = np.array(picked(view, RULES[name].model_copy(update={"beta": 0.0})))
        order = np.argsort(-mean, axis=1)
        np.testing.assert_array_equal(pairs, np.stack([order[:, expected[0]], order[:, expected[1]]], axis=1))

    def test_deltaucb_is_greedy(self):
        self.check("deltaucb", (0, -1))

    def test_maxminlcb_is_the_best_against_the_second(self):
        self.check("maxminlcb", (0, 1))

    def test_rucb_is_the_second_against_the_best(self):
        view = make_responses(np.random.default_rng(5), [6] * 200)
        order = np.argsort(-view.mean.reshape(200, 6), axis=1)
        pairs = np.array(picked(view, RULES["rucb"].model_copy(update={"beta": 0.0})))
        np.testing.assert_array_equal(np.sort(pairs, axis=1), np.sort(order[:, :2], axis=1))

    def test_deltaquantile_is_the_quantile_of_mean_gaps(self):
        view = make_responses(np.random.default_rng(5), [6] * 200)
        mean = view.mean.reshape(200, 6)
        rule = RULES["deltaquantile"].model_copy(update={"beta": 0.0, "quantile": 0.1})
        pairs = np.array(picked(view, rule))
        rows = np.arange(200)
        gaps = np.sort((mean[:, :, None] - mean[:, None, :])[:, ~np.eye(6, dtype=bool)], axis=1)[:, ::-1]
        np.testing.assert_array_equal(mean[rows, pairs[:, 0]] - mean[rows, pairs[:, 1]], gaps[:, 3])


@pytest.mark.parametrize("name", sorted(n for n, rule in RULES.items() if hasattr(rule, "beta")))
def test_beta_changes_what_is_chosen(name):
    view = make_responses(np.random.default_rng(7), [8] * 100)
    view = replace(view, draw=None, predict=lambda: np.random.default_rng(8).standard_normal((5, 800)))
    few, many = (
        picked(view, RULES[name].model_copy(update={"beta": beta, "draws": "noise"})) for beta in (0.05, 5.0)
    )
    assert sum(a != b for a, b in zip(few, many, strict=True)) > 15


def test_sigma_is_the_unbiased_deviation_over_members():
    view = make_responses(np.random.default_rng(0), [3, 4])
    for name in ("mean", "deviation"):
        del view.__dict__[name]
    rewards = view.rewards
    np.testing.assert_allclose(view.deviation, np.sqrt(((rewards - rewards.mean(0)) ** 2).sum(0) / 3))


def test_member_draws_are_one_members_rewards_of_the_whole_prompt():
    view = make_responses(np.random.default_rng(0), [3] * 4000, members=4)
    view = replace(view, draw=None)
    drawn = view.thompson(0, RULES["dts"]).reshape(4000, 3)
    same = (view.rewards.reshape(4, 4000, 3) == drawn).all(axis=2)
    assert (same.sum(axis=0) == 1).all()
    np.testing.assert_allclose(same.mean(axis=1), np.full(4, 0.25), atol=0.03)
    assert (view.thompson(1, RULES["dts"]) != view.thompson(0, RULES["dts"])).mean() > 0.6


def test_noise_draws_stay_within_beta_deviations():
    view = make_responses(np.random.default_rng(0), [5] * 400)
    view = replace(view, draw=None)
    rule = RULES["dts"].model_copy(update={"draws": "noise", "beta": 2.0})
    z = (view.thompson(3, rule) - view.mean) / view.deviation
    assert -2 <= z.min() < -1.9
    assert 1.9 < z.max() < 2
