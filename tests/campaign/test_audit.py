"""The audit slice: how large, drawn how, and where it stands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.campaign.audit import audit_batch, mixed, portion
from prefloop.data.pairs import Pairs
from prefloop.pool.steps import choose_batch
from tests.identity.worlds import FixedModel, listed_table, responses_table, some_pairs
from tests.worlds import make_params

shares = st.floats(0, 1)
sizes = st.integers(0, 200)
seeds = st.integers(0, 2**31)


@settings(max_examples=40)
@given(sizes, shares, seeds, st.integers(0, 1000))
def test_a_portion_is_its_share_rounded_one_way_or_the_other(size, share, seed, round_):
    count = portion(size, share, seed, round_)
    assert count == portion(size, share, seed, round_)
    assert 0 <= count <= size
    assert abs(count - share * size) <= 1


@pytest.mark.parametrize(("share", "counts"), [(0.1, {0, 1}), (0.55, {1, 2}), (1.0, {3})])
def test_small_batches_get_their_share_over_the_rounds(share, counts):
    taken = [portion(3, share, 7, round_) for round_ in range(1500)]
    # Standard errors are at most .013.
    assert np.mean(taken) == pytest.approx(3 * share, abs=0.05)
    assert set(taken) == counts


@given(st.lists(st.integers(0, 30), min_size=1, max_size=3), seeds, st.integers(0, 50))
def test_mixing_keeps_the_order_within_each_part(counts, seed, round_):
    rows = mixed(tuple(counts), seed, round_)
    assert sorted(rows.tolist()) == list(range(sum(counts)))
    for start, count in zip(np.cumsum([0, *counts]), counts, strict=False):
        part = rows[(rows >= start) & (rows < start + count)]
        assert (np.diff(part) == 1).all()


def test_a_place_says_nothing_about_the_kind():
    places = np.stack([np.flatnonzero(mixed((8, 2), 3, round_) >= 8) for round_ in range(1500)])
    share = np.bincount(places.ravel(), minlength=10) / places.size
    assert share == pytest.approx(np.full(10, 0.1), abs=0.03)


def drawn(problem, taken, seeds, n=1, round_=3):
    model = None  # a draw never looks at one
    batches = [audit_batch(problem, model, taken, n, seed=seed, round_=round_).pairs for seed in range(seeds)]
    return Pairs.join(*batches)


@pytest.mark.parametrize("table", [listed_table, responses_table])
@pytest.mark.parametrize("target", ["prompts", "file"])
def test_a_plain_mean_of_the_slice_weighs_prompts_as_the_target_does(table, target):
    problem = table(target).problem
    draws = drawn(problem, Pairs.empty(), 300)
    weight = problem.prompt_weight[problem.prepared.prompts_of("pool")]
    share = np.bincount(draws.prompt, minlength=len(weight)) / len(draws)
    assert share == pytest.approx(weight / weight.sum(), abs=0.05)


def test_under_target_pairs_every_pair_is_drawn_alike():
    problem = listed_table("pairs").problem
    pool, draws = problem.pool, drawn(problem, Pairs.empty(), 400)
    assert np.isin(pool.keys(draws.a, draws.b), pool.keys(pool.a, pool.b)).all()
    share = np.bincount(draws.prompt, minlength=len(pool.sizes)) / len(draws)
    assert share == pytest.approx(pool.listed / pool.listed.sum(), abs=0.04)


def test_within_a_prompt_every_free_pair_is_drawn_alike():
    problem = listed_table().problem
    pool = problem.pool
    largest = int(pool.listed.argmax())
    rows = np.flatnonzero(pool.prompt == largest)
    elsewhere = np.flatnonzero(pool.prompt != largest)
    others = Pairs(pool.a[elsewhere], pool.b[elsewhere], pool.prompt[elsewhere])
    draws = drawn(problem, others, 300)
    share = [((draws.a == pool.a[row]) & (draws.b == pool.b[row])).mean() for row in rows]
    assert share == pytest.approx(np.full(len(rows), 1 / len(rows)), abs=0.06)


def test_what_is_taken_is_not_drawn_and_the_end_of_the_pool_is_no_error():
    problem = listed_table().problem
    pool, taken = problem.pool, some_pairs(problem, 6)
    rest = audit_batch(problem, FixedModel(), taken, 10_000, seed=0, round_=1).pairs
    keys = pool.keys(rest.a, rest.b)
    assert len(rest) == len(np.unique(keys)) == len(pool.a) - len(taken)
    assert not np.isin(keys, pool.keys(taken.a, taken.b)).any()
    nothing = audit_batch(problem, FixedModel(), Pairs.join(taken, rest), 5, seed=0, round_=2)
    assert len(nothing.pairs) == len(nothing.selection.picks) == 0


def test_the_draw_is_not_that_of_the_policy_random():
    """Otherwise the slice would be what a random policy is about to take, and what it leaves no random rest."""
    problem, none = listed_table("pairs").problem, Pairs.empty()
    policy = make_params().policies["random"]
    settings = {"seed": 0, "round_": 1}
    chosen = choose_batch(problem, policy, FixedModel(), none, none, 20, **settings).pairs
    picks = audit_batch(problem, FixedModel(), none, 20, **settings).pairs
    assert not np.array_equal(picks.a, chosen.a)
    common = np.isin(problem.pool.keys(picks.a, picks.b), problem.pool.keys(chosen.a, chosen.b))
    assert common.mean() < 0.7
