"""From rewards to accuracies: by hand, and what must not matter."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.errors import ModelError
from prefloop.evaluation.rewardbench import evaluate
from prefloop.evaluation.rewardbench.scoring import credit
from prefloop.evaluation.rewardbench.sections import SECTIONS, SUBSETS_2
from tests.evaluation.rewardbench.helpers import item, members


def test_rewardbench_1_by_hand():
    items = [item("math-prm", 2), item("hep-go", 2), item("hep-go", 2), item("mine", 2)]
    found = evaluate(1, items, members([1, 0, 0, 1, 2, 1, 1, 1]))
    assert {name: (s.n, s.accuracy) for name, s in found.subsets.items()} == {
        "hep-go": (2, 0.5), "math-prm": (1, 1.0), "mine": (1, 0.0),
    }  # fmt: skip
    assert found.sections == {"Reasoning": pytest.approx((984 + 0.5 * 164) / (984 + 164))}
    assert found.score == found.sections["Reasoning"]
    assert found.rows is not None
    assert (found.rows.n, found.rows.accuracy) == (4, 0.5)
    assert (found.complete, found.ties) == (False, None)


def test_rewardbench_2_by_hand():
    items = [item("Math", 4), item("Math", 3), item("Focus", 4), item("Ties", 2, 1, "ref:1")]
    items += [item("Ties", 3, 2, "tied:1"), item("Math", 2)]
    rewards = [3, 1, 2, 0, 5, 5, 5, 1, 2, 0, 0, 1, 0, 3, 2, 0, 0, 1]
    found = evaluate(2, items, members(rewards))
    assert found.credits == [1, pytest.approx(1 / 3), 0, None, None, 0]
    assert found.subsets["Math"].accuracy == pytest.approx(4 / 9)
    assert found.subsets["Focus"].accuracy == 0
    assert found.ties is not None
    # Gaps 1 and 2, spread 1: right in both forms, preferred in the tied form alone.
    assert found.subsets["Ties"].accuracy == found.ties.score == pytest.approx(0.3 + 0.3 + 0.2)
    assert found.score == pytest.approx((4 / 9 + 0 + 0.8) / 3)
    assert found.rows is not None
    assert (found.rows.n, found.rows.accuracy) == (4, pytest.approx(1 / 3))
    assert found.sections == {}


def test_reward_and_uncertainty_are_mean_and_unbiased_deviation_over_members():
    rewards = np.array([[1.0, 0, 4, 2], [2, 0, 4, 2], [6, 0, 4, 5]])
    found = evaluate(1, [item("a", 2), item("b", 2)], rewards)
    assert found.reward_C.tolist() == [3, 0, 4, 3]
    assert found.uncertainty_C == pytest.approx([7**0.5, 0, 0, 3**0.5])
    assert found.subsets["a"].uncertainty == pytest.approx(7**0.5 / 2)
    assert found.subsets["b"].uncertainty == pytest.approx(3**0.5 / 2)
    assert found.rows is not None
    assert found.rows.uncertainty == pytest.approx((7**0.5 + 3**0.5) / 4)


@pytest.mark.parametrize("version", [1, 2])
def test_all_published_subsets_make_it_complete(version):
    names = SUBSETS_2[:-1] if version == 2 else [name for section in SECTIONS.values() for name in section]
    items = [item(name, 2) for name in names]
    rewards = [1, 0] * len(items)
    if version == 2:
        assert not evaluate(2, items, members(rewards)).complete
        items += [item("Ties", 2, 1, "ref:1"), item("Ties", 3, 2, "tied:1")]
        rewards += [1, 0, 1, 1, 0]
    found = evaluate(version, items, members(rewards))
    assert found.complete
    assert found.score == pytest.approx(1.0 if version == 1 else 1 + 0.01 / 6)
    assert len(found.sections) == (4 if version == 1 else 0)


def test_the_weights_are_those_of_the_published_set():
    sizes = {name: sum(weights.values()) for name, weights in SECTIONS.items()}
    assert sizes == {"Chat": 358, "Chat Hard": 456, "Safety": 740, "Reasoning": 1968}
    # 2985 rows in the published file, of which math-prm has 447.
    assert sum(sizes.values()) - 984 + 447 == 2985


def test_equal_rewards():
    assert credit(1, np.array([1.0, 1.0]), 1) == 0
    assert credit(2, np.array([1.0, 1.0]), 1) == 0.5
    assert credit(2, np.array([1.0, 1.0, 0.0, 1.0]), 1) == pytest.approx(1 / 3)
    assert credit(2, np.array([1.0, 2.0, 2.0]), 1) == 0
    assert credit(2, np.array([2.0, 1.0, 2.0]), 2) == 0.5


def test_rewards_that_are_no_numbers_are_refused():
    rewards = members([1, 0, 2, 0])
    rewards[1, 2:] = np.nan
    with pytest.raises(ModelError, match=r"NaN or infinity to 2 of 4 completions \(first: of the row with id x"):
        evaluate(1, [item("a", 2), item("a", 2, id_="x")], rewards)


REWARDS = st.lists(st.integers(-4, 4).map(float), min_size=2, max_size=6)


@given(st.sampled_from([1, 2]), REWARDS, st.randoms(use_true_random=False), st.integers(-9, 9))
def test_neither_the_order_of_the_rejected_nor_the_origin_of_rewards_matters(version, rewards, random, shift):
    other = [rewards[0], *random.sample(rewards[1:], len(rewards) - 1)]
    expected = credit(version, np.array(rewards), 1)
    assert 0 <= expected <= 1
    assert credit(version, np.array(other) + shift, 1) == expected


@given(st.lists(st.tuples(st.sampled_from(["Math", "Focus", "x"]), REWARDS), min_size=1), st.randoms())
def test_the_order_of_rows_and_members_does_not_matter(world, random):
    def found(order, flip):
        items = [item(world[k][0], len(world[k][1])) for k in order]
        rewards = members([x for k in order for x in world[k][1]], spread=0.5)
        return evaluate(2, items, rewards[::-1] if flip else rewards)

    rows = list(range(len(world)))
    one, other = found(rows, False), found(random.sample(rows, len(rows)), True)
    assert one.score == pytest.approx(other.score)
    assert list(one.subsets) == list(other.subsets)
    for name, expected in one.subsets.items():
        came = other.subsets[name]
        assert (came.n, came.accuracy, came.uncertainty) == pytest.approx(
            (expected.n, expected.accuracy, expected.uncertainty)
        )
