from __future__ import annotations

import numpy as np
import pytest

from prefloop.acquisition.pairs import Pairs, Pool, candidate_pairs, capacity, least_offered
from prefloop.config.policies import PairRule


def listed_pool():
    # Three prompts with 3 completions each; prompt 0 lists two pairs, prompt 1 one, prompt 2 none.
    return Pool(np.array([0, 3, 6, 9]), np.array([0, 1, 3]), np.array([1, 2, 5]), np.array([0, 0, 1]), 12)


def rule(name="auto", per_prompt="auto"):
    return PairRule(rule=name, per_prompt=per_prompt)


def offered(pool, pair_rule, acquired=None, seed=0):
    pairs = candidate_pairs(pool, pair_rule, acquired or Pairs.empty(), np.random.default_rng(seed))
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


def test_random_chooses_among_the_listed_pairs():
    seen = {offered(listed_pool(), rule("random"), seed=s)[0][:2] for s in range(50)}
    assert seen == {(0, 1), (1, 2)}


def test_a_limit_holds_over_rounds():
    limited = rule("given", 1)
    assert {pair[2] for pair in offered(listed_pool(), limited)} == {0, 1}
    assert offered(listed_pool(), limited, taken((0, 1, 0))) == [(3, 5, 1)]


def test_unlimited_formed_pairs_never_repeat_and_end():
    pool = Pool(np.array([0, 4, 6]), *(np.zeros(0, dtype=np.int64) for _ in range(3)), 6)
    acquired, seen = Pairs.empty(), []
    for seed in range(10):
        round_ = candidate_pairs(pool, rule("random", "unlimited"), acquired, np.random.default_rng(seed))
        seen += list(zip(round_.a.tolist(), round_.b.tolist(), strict=True))
        acquired = Pairs.join(acquired, round_)
    assert len(seen) == len(set(seen)) == 6 + 1 == capacity(pool, rule("random", "unlimited"))


def test_formed_pairs_are_uniform():
    pool = Pool(np.array([0, 4]), *(np.zeros(0, dtype=np.int64) for _ in range(3)), 4)
    pairs = [offered(pool, rule("random"), seed=s)[0][:2] for s in range(3000)]
    _, counts = np.unique(pairs, axis=0, return_counts=True)
    assert len(counts) == 6
    assert (np.abs(counts - 500) < 110).all()


@pytest.mark.parametrize(
    ("name", "per_prompt", "expected"),
    [("given", "auto", 3), ("given", 1, 2), ("auto", "auto", 4), ("auto", "unlimited", 6), ("random", "auto", 3)],
)
def test_capacity(name, per_prompt, expected):
    assert capacity(listed_pool(), rule(name, per_prompt)) == expected


def test_least_offered_is_the_worst_case_of_closed_prompts():
    sizes = np.array([2, 3, 3, 5])
    pool = Pool(np.concatenate([[0], np.cumsum(sizes)]), *(np.zeros(0, dtype=np.int64) for _ in range(3)), 13)
    limited = rule("random", 2)
    # One pair can close the first prompt, two more the second, two more the third.
    assert [least_offered(pool, limited, spent) for spent in range(8)] == [4, 3, 3, 2, 2, 1, 1, 0]


def test_all_listed_pairs_are_offered_until_they_are_spent():
    assert least_offered(listed_pool(), rule("given"), 2) == 1
