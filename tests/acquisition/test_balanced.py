"""The law of the policies that balance prompts, against its definition, and what follows from it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from prefloop import uncertainty as u
from prefloop.acquisition.balanced import Thinned, ThinnedPower, random_prompts, thinned, thinned_power
from prefloop.acquisition.scores import Random, random
from prefloop.acquisition.testing import GivenRewards, make_view
from prefloop.acquisition.view import PoolView
from prefloop.section import NoParameters

DRAWS = 1250
SELECT = Random(stream="select")


def pool(prompt, labels, weight=None, target="prompts", **changes) -> PoolView:
    """A view of candidates with these prompts, whose prompts have so many labels."""
    acquired = np.repeat(np.arange(len(labels)), labels)
    view = make_view(pairs=max(len(prompt), 1), prompts=max(len(labels), 5), acquired=0)
    weight = np.ones(len(labels)) if weight is None else np.array(weight, dtype=np.float64)
    return replace(
        view,
        prompt=np.array(prompt, dtype=np.int64),
        acquired_prompt=acquired,
        prompt_weight=weight,
        target=target,
        **changes,
    )


def config(gamma):
    return Thinned(gamma=gamma)


def literal(prompt, labels, proposal, gamma, n, rng):
    """The definition: propose by weight among what is left, accept or refuse, count."""
    labels, left, picks = np.array(labels), list(range(len(prompt))), []
    while len(picks) < n:
        weights = np.array([proposal[i] for i in left], dtype=np.float64)
        weights = weights if weights.any() else np.ones(len(left))
        row = left[rng.choice(len(left), p=weights / weights.sum())]
        fewest = min(labels[prompt[i]] for i, weight in zip(left, weights, strict=True) if weight)
        ratio = (1 + fewest) / (1 + labels[prompt[row]])
        if rng.random() < (float(ratio == 1) if np.isinf(gamma) else ratio**gamma):
            picks.append(row)
            left.remove(row)
            labels[prompt[row]] += 1
    return tuple(picks)


def sequential(prompt, labels, proposal, gamma, n):
    """Probabilities of all ordered choices: each pick in proportion to proposal * (1 + labels)^-gamma."""
    found = {(): 1.0}
    for _ in range(n):
        longer = {}
        for picks, probability in found.items():
            counts = np.array(labels) + np.bincount([prompt[i] for i in picks], minlength=len(labels))
            left = [i for i in range(len(prompt)) if i not in picks]
            weights = np.array([proposal[i] for i in left], dtype=np.float64)
            weights = weights if weights.any() else np.ones(len(left))
            has = counts[[prompt[i] for i in left]]
            weights *= (has == has[weights > 0].min()) if np.isinf(gamma) else (1.0 + has) ** -gamma
            for i, weight in zip(left, weights / weights.sum(), strict=True):
                if weight:
                    longer[(*picks, i)] = probability * weight
        found = longer
    return found


def by_prompt(prompt, labels, weight, n):
    """Probabilities of all ordered choices: a prompt by weight, then one of its candidates uniformly."""
    found = {(): 1.0}
    for _ in range(n):
        longer = {}
        for picks, probability in found.items():
            left = [i for i in range(len(prompt)) if i not in picks]
            size = Counter(prompt[i] for i in left)
            weights = np.array([weight[prompt[i]] / size[prompt[i]] for i in left])
            weights = weights if weights.any() else np.array([1 / size[prompt[i]] for i in left])
            for i, share in zip(left, weights / weights.sum(), strict=True):
                if share:
                    longer[(*picks, i)] = probability * share
        found = longer
    return found


def agrees(draw, law):
    """Whether many draws fit a law; what it calls impossible must never come."""
    rng = np.random.default_rng(7)
    counts = Counter(draw(rng) for _ in range(DRAWS))
    assert set(counts) <= set(law)
    outcomes = sorted(law)
    expected = DRAWS * np.array([law[outcome] for outcome in outcomes])
    common = expected >= 5
    observed = np.array([counts[outcome] for outcome in outcomes])
    pairs = [(observed[common], expected[common])]
    if not common.all():
        pairs.append(([observed[~common].sum()], [expected[~common].sum()]))
    observed, expected = (np.concatenate(part) for part in zip(*pairs, strict=True))
    return chisquare(observed, expected * observed.sum() / expected.sum()).pvalue > 1e-3


def chosen(policy, view, n, of):
    return lambda rng: tuple(policy(view, n, rng, of).picks.tolist())


PROMPT, LABELS = [0, 1, 0, 2, 0, 1], [1, 0, 2]
GAMMAS = [0.0, 0.5, 1.0, 3.0, "infinity"]


@pytest.mark.parametrize("gamma", GAMMAS)
def test_thinned_follows_its_definition_and_both_are_the_sequential_law(gamma):
    ones = np.ones(len(PROMPT))
    law = sequential(PROMPT, LABELS, ones, float(gamma), 3)
    assert agrees(chosen(thinned, pool(PROMPT, LABELS), 3, config(gamma)), law)
    assert agrees(lambda rng: literal(PROMPT, LABELS, ones, float(gamma), 3, rng), law)


@pytest.mark.parametrize("gamma", [1.0, "infinity"])
@pytest.mark.parametrize("weight", [[0.5, 2.0, 1.0], [0.0, 3.0, 1.0]])
def test_under_a_file_s_target_prompts_are_proposed_by_their_weight(gamma, weight):
    view = pool(PROMPT, LABELS, weight, "file")
    law = sequential(PROMPT, LABELS, np.array(weight)[PROMPT], float(gamma), 4)
    assert agrees(chosen(thinned, view, 4, config(gamma)), law)


@pytest.mark.parametrize("weight", [[1.0, 1.0, 1.0], [0.5, 2.0, 1.0], [0.0, 3.0, 1.0]])
def test_random_prompts_draws_a_prompt_by_weight_then_a_pair(weight):
    view = pool(PROMPT, LABELS, weight)
    of = NoParameters()
    assert agrees(chosen(random_prompts, view, 4, of), by_prompt(PROMPT, LABELS, weight, 4))


@pytest.mark.parametrize("gamma", [0.5, "infinity"])
@pytest.mark.parametrize("silent", [(), (0, 1, 3), tuple(range(6))])
def test_thinned_power_proposes_in_proportion_to_a_power_of_bald(gamma, silent):
    rewards = np.random.default_rng(3).standard_normal((4, 12)).astype(np.float32)
    for row in silent:
        rewards[:, [2 * row, 2 * row + 1]] = 0
    view = pool(PROMPT, LABELS, predicted=GivenRewards(rewards))
    law = sequential(PROMPT, LABELS, u.bald(view.logits) ** 0.7, float(gamma), 3 if not silent else 4)
    of = ThinnedPower(gamma=gamma, coldness=0.7)
    assert agrees(chosen(thinned_power, view, len(next(iter(law))), of), law)


def test_a_very_cold_thinned_power_takes_the_largest_bald():
    view = make_view(acquired=0)
    of = ThinnedPower(gamma=0.0, coldness=1e5)
    picks = thinned_power(view, 20, np.random.default_rng(0), of).picks
    assert picks.tolist() == np.argsort(-u.bald(view.logits))[:20].tolist()


def test_large_prompts_get_labels_in_proportion_to_a_root_of_their_size():
    prompt = np.repeat([0, 1], [1000, 9000])
    for gamma, ratio in ((0.0, 9.0), (1.0, 3.0), (3.0, 9 ** (1 / 4))):
        picks = thinned(pool(prompt, [0, 0]), 400, np.random.default_rng(0), config(gamma)).picks
        got = np.bincount(prompt[picks])
        assert got[1] / got[0] == pytest.approx(ratio, rel=0.3)


sizes = st.lists(st.integers(0, 6), min_size=1, max_size=8)
gammas = st.sampled_from(["auto", 0.0, 0.3, 1.0, 40.0, "infinity"])
targets = st.sampled_from(["prompts", "pairs", "file"])


@st.composite
def pools(draw, sizes=sizes):
    counts = draw(sizes.filter(sum))
    labels = draw(st.lists(st.integers(0, 5), min_size=len(counts), max_size=len(counts)))
    weight = draw(st.lists(st.sampled_from([0.0, 0.2, 1.0, 5.0]), min_size=len(counts), max_size=len(counts)))
    prompt = draw(st.permutations(np.repeat(np.arange(len(counts)), counts).tolist()))
    return pool(prompt, labels, weight, draw(targets))


POLICIES = {
    "random_prompts": lambda gamma: partial(random_prompts, config=NoParameters()),
    "thinned": lambda gamma: partial(thinned, config=config(gamma)),
    "thinned_power": lambda gamma: partial(thinned_power, config=ThinnedPower(gamma=gamma, coldness=2.0)),
}


@pytest.mark.parametrize("name", sorted(POLICIES))
@given(view=pools(), gamma=gammas, seed=st.integers(0, 50), data=st.data())
def test_picks_are_distinct_and_the_whole_pool_can_be_taken(name, view, gamma, seed, data):
    policy = POLICIES[name](gamma)
    n = data.draw(st.integers(0, len(view)))
    picks = policy(view, n, np.random.default_rng(seed)).picks
    assert len(set(picks.tolist())) == n
    assert set(picks.tolist()) <= set(range(len(view)))
    everything = policy(view, len(view), np.random.default_rng(seed)).picks
    assert sorted(everything.tolist()) == list(range(len(view)))


@given(view=pools(), seed=st.integers(0, 50), data=st.data())
def test_fewest_first_never_passes_over_a_prompt_with_fewer_labels(view, seed, data):
    view = replace(view, target="prompts")
    n = data.draw(st.integers(1, len(view)))
    labels = np.bincount(view.acquired_prompt, minlength=len(view.prompt_weight))
    left = np.bincount(view.prompt, minlength=len(labels))
    for pick in thinned(view, n, np.random.default_rng(seed), config("infinity")).picks:
        prompt = view.prompt[pick]
        assert labels[prompt] == labels[left > 0].min()
        labels[prompt] += 1
        left[prompt] -= 1


@given(view=pools(), seed=st.integers(0, 50), gamma=gammas, data=st.data())
def test_thinned_is_random_draw_for_draw_with_gamma_0(view, seed, gamma, data):
    n = data.draw(st.integers(0, len(view)))
    expected = random(view, n, np.random.default_rng(seed), SELECT).picks
    of_pairs = replace(view, target="pairs")
    for case, of in ((of_pairs, "auto"), (of_pairs, 0.0), (replace(view, target="prompts"), 0.0)):
        np.testing.assert_array_equal(thinned(case, n, np.random.default_rng(seed), config(of)).picks, expected)


@given(
    view=pools(st.lists(st.integers(0, 1), min_size=1, max_size=40)),
    common=st.integers(0, 3),
    gamma=gammas,
    seed=st.integers(0, 50),
    data=st.data(),
)
def test_thinned_is_random_draw_for_draw_where_no_prompt_recurs(view, common, gamma, seed, data):
    prompts = len(view.prompt_weight)
    alike = {"acquired_prompt": np.repeat(np.arange(prompts), common), "prompt_weight": np.full(prompts, 2.0)}
    view = replace(view, **alike)
    n = data.draw(st.integers(0, len(view)))
    expected = random(view, n, np.random.default_rng(seed), SELECT).picks
    np.testing.assert_array_equal(thinned(view, n, np.random.default_rng(seed), config(gamma)).picks, expected)


@settings(max_examples=20)
@given(st.integers(0, 1000), gammas)
def test_large_batches_of_a_large_pool_keep_all_promises(seed, gamma):
    rng = np.random.default_rng(seed)
    prompt = np.concatenate([np.zeros(400, dtype=np.int64), rng.integers(1, 300, 1600)])
    view = pool(prompt, rng.integers(0, 4, 300))
    for policy in (POLICIES["random_prompts"](gamma), POLICIES["thinned"](gamma)):
        picks = policy(view, 700, rng).picks
        assert len(set(picks.tolist())) == 700


def test_no_model_and_no_pair_is_asked_for_without_need():
    def nothing():
        raise AssertionError("a policy without a model asked for it")

    view = pool(PROMPT, LABELS, predicted=None, form=nothing)
    for name in ("random_prompts", "thinned"):
        assert len(POLICIES[name](1.0)(view, 4, np.random.default_rng(0)).picks) == 4
