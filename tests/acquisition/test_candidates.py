"""Candidates of a round: listed pairs, one pair per prompt, limits, and forming only what is asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.acquisition.candidates import find_candidates
from prefloop.acquisition.capacity import capacity
from prefloop.acquisition.registry import PAIR_RULES
from prefloop.acquisition.responses import Draws, PairParameters
from prefloop.acquisition.strength import check_models
from prefloop.acquisition.testing import GivenRewards
from prefloop.data.pairs import Pairs
from prefloop.data.prepared import Models
from prefloop.errors import ConfigError
from tests.acquisition.responses import all_pairs, make_pool
from tests.worlds import make_params

RULES = {policy.pairs.rule: policy.pairs for policy in make_params().policies.values()}
NAMES = sorted(set(PAIR_RULES) - {"given"})


def listed_pool():
    # Three prompts with 3 completions each; prompt 0 lists two pairs, prompt 1 one, prompt 2 none.
    return make_pool([3, 3, 3], [0, 1, 3], [1, 2, 5], [0, 0, 1])


def rule(name="auto", per_prompt="auto") -> PairParameters:
    shipped = RULES.get(name, RULES["longest"])
    return shipped.model_copy(update={"rule": name, "per_prompt": per_prompt})


def candidates_of(pool, pair_rule, acquired=None, seed=0, values=None):
    if values is None:
        values = np.random.default_rng(1).standard_normal((4, pool.completions)).astype(np.float32)

    def judge(rows):
        return values[0, rows].astype(float)

    taken = acquired or Pairs.empty()
    return find_candidates(pool, pair_rule, taken, Draws(seed, 1, False), GivenRewards(values), judge)


def offered(pool, pair_rule, acquired=None, seed=0):
    return as_tuples(candidates_of(pool, pair_rule, acquired, seed).pairs)


def as_tuples(pairs):
    return list(zip(pairs.a.tolist(), pairs.b.tolist(), pairs.prompt.tolist(), strict=True))


def taken(*pairs):
    a, b, prompt = (np.array(column) for column in zip(*pairs, strict=True))
    return Pairs(a, b, prompt)


def test_given_offers_all_listed_pairs_that_are_left():
    assert offered(listed_pool(), rule("given")) == [(0, 1, 0), (1, 2, 0), (3, 5, 1)]
    assert offered(listed_pool(), rule("given"), taken((1, 2, 0))) == [(0, 1, 0), (3, 5, 1)]


def test_auto_adds_one_formed_pair_where_nothing_is_listed():
    found = offered(listed_pool(), rule("auto"))
    assert found[:3] == [(0, 1, 0), (1, 2, 0), (3, 5, 1)]
    assert len(found) == 4
    a, b, prompt = found[3]
    assert prompt == 2
    assert 6 <= a < b < 9
    assert offered(listed_pool(), rule("auto"), taken((a, b, 2))) == found[:3]


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_chooses_among_the_listed_pairs_where_there_are_any(name):
    pool = make_pool(
        [3, 3, 3], [0, 1, 3], [1, 2, 5], [0, 0, 1], models=Models(np.arange(10), np.arange(9), list("abcdefghi"))
    )
    seen = {pair for seed in range(30) for pair in offered(pool, rule(name, 1), seed=seed)}
    assert {pair for pair in seen if pair[2] < 2} <= {(0, 1, 0), (1, 2, 0), (3, 5, 1)}
    assert {pair[2] for pair in seen} == {0, 1, 2}
    if name in ("auto", "random"):
        assert {pair for pair in seen if pair[2] == 0} == {(0, 1, 0), (1, 2, 0)}


def test_a_limit_holds_over_rounds():
    limited = rule("given", 1)
    assert {pair[2] for pair in offered(listed_pool(), limited)} == {0, 1}
    assert offered(listed_pool(), limited, taken((0, 1, 0))) == [(3, 5, 1)]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("a", "b", "prompt"), [([], [], []), ([0, 0, 1, 2], [1, 2, 2, 3], [0, 0, 0, 0])])
def test_unlimited_pairs_never_repeat_and_end(name, a, b, prompt):
    columns = (np.array(column, dtype=np.int64) for column in (a, b, prompt))
    pool = make_pool([4, 2, 1], *columns, models=Models(np.arange(8), np.arange(7), list("abcdefg")))
    unlimited = rule(name, "unlimited") if name != "auto" else rule("random", "unlimited")
    acquired, seen = Pairs.empty(), []
    for seed in range(10):
        round_ = candidates_of(pool, unlimited, acquired, seed).pairs
        seen += as_tuples(round_)
        acquired = Pairs.join(acquired, round_)
    assert len(seen) == len(set(seen)) == (len(a) or 6) + 1 == capacity(pool, unlimited, Pairs.empty()).total


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=15, deadline=None)
@given(sizes=st.lists(st.integers(1, 5), min_size=1, max_size=12), seed=st.integers(0, 1000))
def test_forming_some_prompts_only_gives_the_same_pairs(name, sizes, seed):
    models = Models(np.arange(sum(sizes) + 1), np.arange(sum(sizes)), [str(n) for n in range(sum(sizes))])
    pool = make_pool(sizes, characters=np.random.default_rng(seed).integers(1, 50, sum(sizes)), models=models)
    whole = candidates_of(pool, rule(name, 1), seed=seed)
    if not len(whole):
        return
    rows = np.random.default_rng(seed).permutation(len(whole))[: 1 + seed % len(whole)]
    part = candidates_of(pool, rule(name, 1), seed=seed).take(rows)
    assert as_tuples(part) == as_tuples(whole.pairs.take(rows)) == as_tuples(whole.take(rows))
    np.testing.assert_array_equal(part.prompt, whole.prompt[rows])


def test_blocks_change_nothing(monkeypatch):
    pool = make_pool([5, 2, 7, 3, 6] * 10)
    expected = {name: offered(pool, rule(name, 1)) for name in NAMES if name != "fixed_pair"}
    monkeypatch.setattr("prefloop.acquisition.free_pairs._BLOCK", 25)
    assert {name: offered(pool, rule(name, 1)) for name in expected} == expected


def test_a_policy_that_asks_for_prompts_alone_forms_only_what_it_takes():
    pool = make_pool([4] * 100)
    predicted = GivenRewards(np.zeros((3, 400), dtype=np.float32))
    candidates = find_candidates(pool, rule("drts"), Pairs.empty(), Draws(0, 1, False), predicted)
    assert len(candidates.take(np.array([7, 3, 99]))) == 3
    assert predicted.asked == [12]


def test_formed_pairs_are_uniform():
    pool = make_pool([4])
    pairs = [offered(pool, rule("random"), seed=s)[0][:2] for s in range(3000)]
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    assert len(counts) == 6
    assert (np.abs(counts - 500) < 110).all()


@pytest.mark.parametrize(
    ("name", "per_prompt", "expected"),
    [("given", "auto", 3), ("given", 1, 2), ("auto", "auto", 4), ("auto", "unlimited", 6), ("random", "auto", 3)],
)
def test_capacity(name, per_prompt, expected):
    assert capacity(listed_pool(), rule(name, per_prompt), Pairs.empty()).total == expected


def least(pool, pair_rule, labels, rounds):
    return capacity(pool, pair_rule, Pairs.empty()).least_offered(labels, rounds)


def test_least_offered_is_the_worst_case_of_closed_prompts():
    pool = make_pool([2, 3, 3, 5])
    limited = rule("random", 2)
    # One pair can close the first prompt, two more the second, two more the third.
    assert [least(pool, limited, spent, 9) for spent in range(8)] == [4, 3, 3, 2, 2, 1, 1, 0]


def test_a_prompt_gives_one_pair_a_round_so_that_a_wide_one_cannot_close_early():
    pool = make_pool([16] * 180)
    assert least(pool, rule("drts", 8), 7 * 180, 7) == 180
    assert least(pool, rule("drts", 8), 8 * 180, 8) == 0


def test_all_listed_pairs_are_offered_until_they_are_spent():
    assert least(listed_pool(), rule("given"), 2, 1) == 1


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from(["auto", "given", "random"]),
    per_prompt=st.sampled_from(["auto", "unlimited", 1, 2, 3]),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=6),
    batches=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    seed=st.integers(0, 1000),
)
def test_no_order_of_choice_leaves_less_on_offer_than_promised(name, per_prompt, sizes, batches, seed):
    """Mixed pools, walked by somebody who closes prompts as fast as can be, or at random."""
    rng = np.random.default_rng(seed)
    every = all_pairs(sizes)
    listed = every.take((rng.random(len(every)) < 0.5) & (every.prompt % 2 == 0))
    pool = make_pool(sizes, listed.a, listed.b, listed.prompt)
    pair_rule = rule(name, per_prompt)
    start = Pairs.empty()
    if len(every) and seed % 2:
        start = every.take(rng.permutation(len(every))[:1])
        if len(listed) and start.prompt[0] in listed.prompt:
            start = listed.take(rng.permutation(len(listed))[:1])
    taken, promised, spent = start, capacity(pool, pair_rule, start), 0
    for rounds, batch in enumerate(batches):
        candidates = candidates_of(pool, pair_rule, taken, seed)
        assert len(candidates) >= promised.least_offered(spent, rounds)
        assert spent + len(candidates) <= promised.total
        if len(candidates) < batch:
            return
        left = capacity(pool, pair_rule, taken).single[candidates.prompt]
        order = np.argsort(left + (rng.random(len(candidates)) if seed % 3 else 0.0), kind="stable")
        taken = Pairs.join(taken, candidates.take(order[:batch]))
        spent += batch


def named_pool():
    # Three prompts, responses by s(trong), w(eak), m(iddle); the last text was written by two models.
    models = Models(np.array([0, 1, 2, 3, 4, 5, 6, 8]), np.array([1, 2, 0, 0, 2, 1, 1, 2]), ["m", "s", "w"])
    return make_pool([3, 3, 1], models=models)


def test_fixed_pair_compares_the_named_models():
    fixed = RULES["fixed_pair"].model_copy(update={"strong": ("s",), "weak": ("w",)})
    assert offered(named_pool(), fixed) == [(0, 1, 0), (4, 5, 1)]


def test_fixed_pair_without_names_ranks_models_by_their_mean_reward():
    rewards = np.tile(np.array([0.0, 1.0, 5.0, 5.0, 1.0, 9.0, 0.0], dtype=np.float32), (3, 1))
    candidates = candidates_of(named_pool(), RULES["fixed_pair"], values=rewards)
    # Means: m 5, s 3, w 2/3.
    assert as_tuples(candidates.pairs) == [(1, 2, 0), (3, 4, 1)]


@pytest.mark.parametrize(
    ("pool", "changes", "message"),
    [
        (listed_pool(), {}, "do not say which model"),
        (named_pool(), {"strong": ("s",), "weak": ("x",)}, "no model 'x' in the pool; known: m, s, w"),
    ],
)
def test_fixed_pair_says_what_it_lacks(pool, changes, message):
    with pytest.raises(ConfigError, match=message):
        check_models(pool, RULES["fixed_pair"].model_copy(update=changes))


def test_maxmin_without_a_judge_says_so():
    with pytest.raises(ConfigError, match="'maxmin' reads a judge's scores"):
        _ = find_candidates(listed_pool(), RULES["maxmin"], Pairs.empty(), Draws(0, 1, False)).pairs
