"""What every batch policy must do, and what each is for."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from prefloop import uncertainty as u
from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.acquisition.scores import coldness
from prefloop.acquisition.testing import GivenRewards, check_policy, make_view
from prefloop.acquisition.view import top
from prefloop.config.policies import Policy
from prefloop.errors import NothingLeft
from prefloop.rng import Stream, generator
from tests.worlds import make_params

PARAMS = make_params()
NAMES = sorted(PARAMS.policies)


def choose(name, view, n, seed=0):
    batch = PARAMS.policies[name].batch
    return BATCH_POLICIES[batch.policy].choose(view, n, generator(seed, 1, Stream.SELECT), batch)


def test_the_registry_and_the_parameter_models_name_the_same_policies():
    assert {policy.batch.policy for policy in PARAMS.policies.values()} == set(BATCH_POLICIES)
    schema = Policy.model_json_schema()["properties"]["batch"]["discriminator"]["mapping"]
    assert set(schema) == set(BATCH_POLICIES)


@pytest.mark.parametrize("name", NAMES)
class TestEveryPolicy:
    def test_has_the_properties_that_a_user_s_own_is_tested_for(self, name):
        batch = PARAMS.policies[name].batch
        check_policy(BATCH_POLICIES[batch.policy].choose, batch)

    def test_can_take_no_more_than_the_whole_pool(self, name):
        with pytest.raises(NothingLeft, match="13 comparisons wanted, 12 unlabelled"):
            choose(name, make_view(pairs=12), 13)


@pytest.mark.parametrize(
    ("name", "measure"), [("bald", u.bald), ("entropy", u.predictive_entropy), ("variance", u.variance)]
)
def test_ranked_policies_take_the_largest(name, measure):
    view = make_view()
    picks = choose(name, view, 10).picks
    assert set(picks.tolist()) == set(np.argsort(-measure(view.logits))[:10].tolist())


@pytest.mark.parametrize(
    ("name", "coldness"), [("softmax_bald", 1e7), ("softrank_bald", 1e3), ("power_bald", 1e4)]
)
def test_cold_stochastic_policies_become_bald(name, coldness):
    view = make_view()
    batch = PARAMS.policies[name].batch.model_copy(update={"coldness": coldness})
    selection = BATCH_POLICIES[name].choose(view, 10, generator(0, 1, Stream.SELECT), batch)
    assert set(selection.picks.tolist()) == set(choose("bald", view, 10).picks.tolist())


def test_power_bald_samples_in_proportion_to_the_power():
    view = make_view(pairs=6)
    scores = u.bald(view.logits)
    batch = PARAMS.policies["power_bald"].batch
    draws = [
        BATCH_POLICIES["power_bald"].choose(view, 1, np.random.default_rng(s), batch).picks[0] for s in range(4000)
    ]
    np.testing.assert_allclose(np.bincount(draws, minlength=6) / 4000, scores / scores.sum(), atol=0.03)


@pytest.mark.parametrize("name", ["power_bald", "thinned_power"])
@pytest.mark.parametrize("spread", [0.0, 1e-12, 1e-8])
def test_no_logarithm_of_a_negative_number_where_members_nearly_agree(name, spread):
    view = make_view(pairs=60, acquired=0)
    noise = np.random.default_rng(0).standard_normal((4, 120))
    view = replace(view, predicted=GivenRewards(1.0 + spread * noise))
    assert (u.bald(view.logits) == 0).any()
    with np.errstate(invalid="raise"):
        picks = choose(name, view, 40).picks
    assert len(set(picks.tolist())) == 40


def test_growth_anneals_power_bald():
    batch = PARAMS.policies["power_bald"].batch.model_copy(update={"coldness": 0.01, "growth": 100.0})
    late = make_view(round=5)
    picks = BATCH_POLICIES["power_bald"].choose(late, 10, generator(0, 1, Stream.SELECT), batch).picks
    assert set(picks.tolist()) == set(choose("bald", make_view(), 10).picks.tolist())


def test_linear_annealing_goes_from_the_first_coldness_to_the_final_one_and_stays():
    batch = PARAMS.policies["power_bald_published"].batch
    assert [coldness(batch, r) for r in (1, 26, 51, 75)] == [0.25, 4.125, 8.0, 8.0]
    geometric = batch.model_copy(update={"annealing": "geometric", "growth": 1.5})
    assert [coldness(geometric, r) for r in (1, 2, 3)] == [0.25, 0.375, 0.5625]


def test_the_offset_stands_inside_power_bald_s_logarithm():
    view = make_view(pairs=6)
    scores = u.bald(view.logits)
    batch = PARAMS.policies["power_bald"].batch.model_copy(update={"offset": 0.5})
    draws = [
        BATCH_POLICIES["power_bald"].choose(view, 1, np.random.default_rng(s), batch).picks[0] for s in range(4000)
    ]
    expected = (scores + 0.5) / (scores + 0.5).sum()
    np.testing.assert_allclose(np.bincount(draws, minlength=6) / 4000, expected, atol=0.03)
    assert np.abs(expected - scores / scores.sum()).max() > 0.03


def test_random_is_uniform_and_the_control_stream_is_another():
    counts = np.zeros(12)
    for seed in range(600):
        counts[choose("random", make_view(pairs=12, seed=0), 3, seed).picks] += 1
    assert (np.abs(counts - 150) < 60).all()
    assert (
        choose("random", make_view(), 20).picks.tolist()
        != choose("random_control", make_view(), 20).picks.tolist()
    )


def test_beta_zero_is_greedy_bald_and_a_large_beta_is_prompt_entropy():
    view = make_view()
    batch = PARAMS.policies["bal_pm"].batch
    for beta, other in ((0.0, "bald"), (1e9, "prompt_entropy")):
        picks = BATCH_POLICIES["bal_pm"].choose(
            view, 10, generator(0, 1, Stream.SELECT), batch.model_copy(update={"beta": beta})
        )
        expected = view.node[choose(other, view, 10).picks] if beta else choose(other, view, 10).picks
        got = view.node[picks.picks] if beta else picks.picks
        assert sorted(got.tolist()) == sorted(expected.tolist())


def test_bal_pm_spreads_over_prompts_where_bald_repeats_one():
    view = make_view(prompts=30, pairs=120, acquired=0)
    prompt = np.where(np.arange(120) < 60, 0, np.arange(120) % 30)
    rewards = np.random.default_rng(0).standard_normal((4, 240)).astype(np.float32)
    rewards *= np.where(np.arange(240) < 120, 0.4, 0.25).astype(np.float32)
    view = replace(view, prompt=prompt, predicted=GivenRewards(rewards))
    distinct = {name: len(set(prompt[choose(name, view, 30).picks].tolist())) for name in ("bald", "bal_pm")}
    assert distinct["bal_pm"] > 2 * distinct["bald"]


def test_k_centre_covers_the_pool_better_than_random():
    view = make_view(pairs=200, acquired=5)
    delta = view.features[view.a] - view.features[view.b]

    def radius(picks):
        centres = np.concatenate([delta[picks], view.features[view.acquired_a] - view.features[view.acquired_b]])
        both = np.concatenate([centres, -centres])
        return np.linalg.norm(delta[:, None] - both[None], axis=2).min(axis=1).max()

    assert radius(choose("k_centre", view, 40).picks) < radius(choose("random", view, 40).picks)


def test_d_optimal_is_the_greedy_growth_of_the_log_determinant():
    view = make_view(pairs=25, acquired=6)
    ridge = PARAMS.policies["d_optimal"].batch.ridge
    delta = (view.features[view.a] - view.features[view.b]).astype(np.float64)
    p = expit(view.logits).mean(axis=0)
    done = (view.features[view.acquired_a] - view.features[view.acquired_b]).astype(np.float64)
    q = expit(view.rewards[:, view.acquired_a].astype(float) - view.rewards[:, view.acquired_b]).mean(axis=0)
    information = ridge * np.eye(5) + (done * (q * (1 - q))[:, None]).T @ done
    expected, left = [], set(range(25))
    for _ in range(8):
        grown = {
            i: np.linalg.slogdet(information + p[i] * (1 - p[i]) * np.outer(delta[i], delta[i]))[1] for i in left
        }
        best = max(grown, key=grown.get)
        expected.append(best)
        left.remove(best)
        information += p[best] * (1 - p[best]) * np.outer(delta[best], delta[best])
    assert choose("d_optimal", view, 8).picks.tolist() == expected


def test_top_breaks_ties_at_random():
    first = [top(np.zeros(5), 1, np.random.default_rng(s))[0] for s in range(2000)]
    assert (np.abs(np.bincount(first, minlength=5) - 400) < 100).all()
