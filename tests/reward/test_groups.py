"""Groups of comparisons against a naive search, and hold-outs of whole groups at their extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.reward.groups import comparison_groups, hold_out

rows = st.lists(st.tuples(*[st.integers(0, 12)] * 3), max_size=25)


def naive_groups(comparisons):
    """Merge groups as long as two of them share a prompt or a text."""
    groups = [({("prompt", p), ("text", a), ("text", b)}, {n}) for n, (p, a, b) in enumerate(comparisons)]
    merged = True
    while merged:
        merged = False
        for i in range(len(groups)):
            for j in range(i):
                if groups[i][0] & groups[j][0]:
                    groups[j] = (groups[i][0] | groups[j][0], groups[i][1] | groups[j][1])
                    del groups[i]
                    merged = True
                    break
            if merged:
                break
    return {frozenset(members) for _, members in groups}


def columns(comparisons):
    return np.array(comparisons, dtype=np.int64).reshape(-1, 3).T


@settings(deadline=None)
@given(rows)
def test_groups_are_those_of_a_naive_search(comparisons):
    groups = comparison_groups(*columns(comparisons))
    assert groups.dtype == np.int64
    assert groups.shape == (len(comparisons),)
    found = {frozenset(np.flatnonzero(groups == g).tolist()) for g in set(groups.tolist())}
    assert found == naive_groups(comparisons)


@settings(deadline=None)
@given(rows)
def test_groups_are_numbered_in_order_of_appearance(comparisons):
    groups = comparison_groups(*columns(comparisons)).tolist()
    assert list(dict.fromkeys(groups)) == list(range(len(set(groups))))


@settings(deadline=None)
@given(rows, st.permutations(range(13)), st.integers(-5, 5))
def test_names_of_prompts_and_texts_and_the_order_of_a_pair_do_not_matter(comparisons, names, shift):
    prompt, a, b = columns(comparisons)
    renamed = np.array(names)
    again = comparison_groups(prompt * 7 + shift, renamed[b], renamed[a])
    assert again.tolist() == comparison_groups(prompt, a, b).tolist()


def test_a_text_joins_prompts_and_its_number_is_no_prompt_number():
    assert comparison_groups(np.array([0, 1, 2]), np.array([5, 5, 0]), np.array([6, 7, 8])).tolist() == [0, 0, 1]


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.floats(0.01, 0.5), st.integers(0, 2**32 - 1))
def test_whole_groups_are_held_out_and_most_stays_in_training(sizes, share, seed):
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    wanted = max(1, round(share * len(groups)))
    held = hold_out(groups, wanted, np.random.default_rng(seed))
    assert not {*groups[held]} & {*groups[~held]}
    assert 2 * held.sum() <= len(groups)
    if held.sum() > 1.5 * wanted:
        assert held.sum() == min(sizes), "more than wanted by half only where no group fits: then the smallest"
    if not held.any():
        assert 2 * min(sizes) > len(groups)


@pytest.mark.parametrize("sizes", [[1] * 1000, [8] * 100, [3, 5, 9, 2] * 50, [1] * 500 + [500]])
def test_many_small_groups_give_the_wanted_share_within_one_group(sizes):
    groups = np.repeat(np.arange(len(sizes)), sizes)
    for seed in range(20):
        held = hold_out(groups, 150, np.random.default_rng(seed)).sum()
        assert 150 <= held < 150 + max(s for s in sizes if s < 150)


@pytest.mark.parametrize("count", [9, 10])
def test_nine_or_ten_equal_groups_give_one_or_two(count):
    groups = np.repeat(np.arange(count), 20)
    held = [hold_out(groups, round(0.15 * len(groups)), np.random.default_rng(seed)) for seed in range(50)]
    assert {int(mask.sum()) for mask in held} == {40}
    # Each group's turn comes.
    assert np.all(np.any(held, axis=0))


def test_of_two_equal_groups_either_is_held_out():
    groups = np.repeat([0, 1], 20)
    held = [hold_out(groups, 6, np.random.default_rng(seed)) for seed in range(20)]
    assert {tuple(np.flatnonzero(mask)) for mask in held} == {tuple(range(20)), tuple(range(20, 40))}


def test_one_group_cannot_be_held_out():
    assert not hold_out(np.zeros(50, dtype=np.int64), 8, np.random.default_rng(0)).any()


def test_a_giant_group_stays_in_training():
    groups = np.concatenate([np.zeros(900, dtype=np.int64), np.arange(1, 101)])
    for seed in range(10):
        held = hold_out(groups, 150, np.random.default_rng(seed))
        assert held.tolist() == [False] * 900 + [True] * 100
