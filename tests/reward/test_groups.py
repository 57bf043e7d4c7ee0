"""Groups of comparisons against a naive search, and hold-outs of whole groups at their extremes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.reward.groups import comparison_groups, hold_outs

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


def masks(sizes, wanted, seed=0, members=5):
    """Held-out masks bool [M, groups]; the comparisons of a group are held out together."""
    groups = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    held = hold_outs(groups, wanted, [np.random.default_rng([seed, member]) for member in range(members)])
    assert held.shape == (members, len(groups))
    for mask in held:
        assert not {*groups[mask]} & {*groups[~mask]}
    by_group = np.zeros((members, len(sizes)), dtype=bool)
    by_group[:, groups] = held
    return by_group


@settings(deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.floats(0.01, 0.5), st.integers(0, 2**32 - 1))
def test_whole_groups_are_held_out_and_most_stays_in_training(sizes, share, seed):
    count, sizes = sum(sizes), np.array(sizes)
    wanted = max(1, round(share * count))
    held = masks(sizes, wanted, seed)
    numbers, least = held @ sizes, min(wanted, 16)
    small = 2 * sizes <= count
    assert not held[:, ~small].any()
    assert np.all(2 * numbers <= sizes[small].sum())
    assert np.all(numbers >= least) or not held.any()
    if len(sizes) >= 10:
        assert np.all(numbers <= max(1.5 * wanted, least + max(sizes) - 1))
    if 2 * least <= sizes[small].sum() - max(sizes[small], default=0):
        assert held.any(), "given up only where whole groups would leave too little on one side"


@settings(deadline=None)
@given(st.lists(st.integers(16, 40), min_size=3, max_size=9), st.integers(0, 2**32 - 1))
def test_few_groups_of_which_none_is_giant_all_have_their_turn(sizes, seed):
    sizes = np.array(sizes)
    if 2 * max(sizes) > sum(sizes):
        return
    times = masks(sizes, max(1, round(0.15 * sum(sizes))), seed, members=len(sizes)).sum(axis=0)
    assert times.min() >= 1
    assert times.max() - times.min() <= 2


@pytest.mark.parametrize("sizes", [[1] * 1000, [8] * 100, [3, 5, 9, 2] * 50, [1] * 500 + [500]])
def test_many_small_groups_give_the_wanted_share_within_one_group(sizes):
    for seed in range(5):
        held = masks(sizes, 150, seed) @ np.array(sizes)
        assert np.all(held >= 150)
        assert np.all(held < 150 + max(s for s in sizes if s < 150))


def test_members_draw_their_own_from_a_thousand_singletons():
    assert len(np.unique(masks([1] * 1000, 150), axis=0)) == 5


def test_nine_equal_groups_are_dealt_out_and_ten_are_drawn():
    times = [masks([20] * 9, 27, seed).sum(axis=0) for seed in range(30)]
    assert all(sorted(t) == [1] * 8 + [2] for t in times), "five members, two groups each"
    drawn = [masks([20] * 10, 30, seed) for seed in range(30)]
    assert all(np.all(mask.sum(axis=1) == 2) for mask in drawn)
    assert len({tuple(sorted(mask.sum(axis=0))) for mask in drawn}) > 1


def test_two_equal_groups_take_turns():
    for seed in range(10):
        held = masks([20, 20], 6, seed)
        assert np.all(held.sum(axis=1) == 1)
        assert np.all(held[::2] == held[0])
        assert np.all(held[1::2] == ~held[0])


@pytest.mark.parametrize("sizes", [[50], [1], [60, 40], [99, 1], [990, *[1] * 10]])
def test_nothing_is_held_out_where_that_leaves_too_little_to_stop_on_or_to_learn_from(sizes):
    assert not masks(sizes, max(1, round(0.15 * sum(sizes)))).any()


def test_a_giant_group_stays_in_training_and_half_of_the_singletons_with_it():
    for seed in range(10):
        held = masks([900, *[1] * 100], 150, seed)
        assert not held[:, 0].any()
        assert np.all(held.sum(axis=1) == 50)
        assert len(np.unique(held, axis=0)) == 5
