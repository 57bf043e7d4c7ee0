"""The rule of the subset Ties: by hand, and against loops that spell it out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.evaluation.rewardbench.ties import parse_id, shared_prompts, ties_score

PERFECT = {"ref:1": ([9.0, 1.0, 2.0], 1), "tied:1": ([8.0, 8.5, 3.0], 2)}


def score(rows):
    return ties_score(list(rows), [np.array(v) for v, _ in rows.values()], [n for _, n in rows.values()])


def test_by_hand():
    found = score(
        {
            "ref:1": ([2, 0, 1], 1),  # gap 1
            "tied:1": ([3, 2, 1, 0], 2),  # gap 1, spread 1
            "ref:2": ([1, 3], 1),  # gap -2
            "tied:2": ([4.5, 5, 1], 2),  # gap 3.5, spread 0.5
            "ref:3": ([1, 0], 1),  # gap 1; never tied, so it counts for accuracy alone
            "tied:9": ([1, 1, 2], 2),  # gap -1; without reference
        }
    )
    assert found.ref_accuracy == pytest.approx(2 / 3)
    assert found.tied_accuracy == pytest.approx(2 / 3)
    assert (found.preferred, found.preferred_hard) == (0.5, 0.0)  # 1 > 1 is false; min(3.5, -2) < 0.5
    margin = (math.tanh(1 / 1 - 1) + math.tanh(-2 / 0.5 - 1)) / 2
    assert found.margin == pytest.approx(margin)
    assert found.score == pytest.approx(0.3 * 2 / 3 + 0.3 * 2 / 3 + 0.2 * 0.5 + 0.01 * margin)


def test_all_right_is_one_and_a_bonus_for_the_margin():
    found = score(PERFECT)
    assert found.margin == pytest.approx(math.tanh(5 / 0.5 - 1))
    assert found.score == pytest.approx(1 + 0.01 * found.margin)


@pytest.mark.parametrize(("wrong", "margin"), [(0.0, 1.0), (2.0, -1.0), (1.0, 0.0)])
def test_without_spread_the_margin_is_its_limit(wrong, margin):
    found = score({"ref:1": ([1, wrong], 1), "tied:1": ([1, 1, wrong], 2)})
    assert found.margin == margin
    assert found.ref_accuracy == found.preferred == (margin > 0)


def test_equal_rewards_are_no_success():
    assert score({"ref:1": ([1, 1], 1), "tied:1": ([1, 1, 1], 2)}).score == 0


def plainly(rows):
    gap = {id_: min(v[:n]) - max(v[n:]) for id_, (v, n) in rows.items()}
    spread = {id_: max(v[:n]) - min(v[:n]) for id_, (v, n) in rows.items()}
    both = [n for n in range(50) if f"ref:{n}" in rows and f"tied:{n}" in rows]
    total = 0.0
    for kind in ("ref", "tied"):
        own = [id_ for id_ in rows if id_.startswith(kind)]
        total += 0.3 * sum(gap[id_] > 0 for id_ in own) / len(own)
    for n in both:
        easy, s = gap[f"tied:{n}"], spread[f"tied:{n}"]
        hard = min(easy, gap[f"ref:{n}"])
        limit = 0.0 if hard == 0 else math.copysign(1, hard)
        bonus = math.tanh(hard / s - 1) if s else limit
        total += (0.2 * (easy > s) + 0.2 * (hard > s) + 0.01 * bonus) / len(both)
    return total


# Halves, so that equal rewards and equal gaps occur often and sums are exact.
VALUES = st.lists(st.integers(-6, 6).map(lambda n: n / 2), min_size=3, max_size=7)


@st.composite
def worlds(draw):
    rows = {}
    for number in range(draw(st.integers(1, 4))):
        for kind, least in (("ref", 1), ("tied", 2)):
            if number == 0 or draw(st.booleans()):
                values = draw(VALUES)
                rows[f"{kind}:{number}"] = (
                    values,
                    least if kind == "ref" else draw(st.integers(2, len(values) - 1)),
                )
    return rows


@given(worlds())
def test_it_is_what_the_rule_says(rows):
    assert score(rows).score == pytest.approx(plainly(rows), abs=1e-12)


@given(worlds(), st.randoms(use_true_random=False), st.integers(-8, 8), st.sampled_from([0.5, 2, 4]))
def test_neither_order_nor_origin_nor_unit_of_rewards_matters(rows, random, shift, unit):
    changed = {}
    for id_ in random.sample(list(rows), len(rows)):
        values, n = rows[id_]
        right, wrong = random.sample(values[:n], n), random.sample(values[n:], len(values) - n)
        changed[id_] = ([unit * x + shift for x in right + wrong], n)
    assert score(changed).score == pytest.approx(score(rows).score, abs=1e-12)


@pytest.mark.parametrize("text", ["", "3", "ref", "ref:", "ref:x", "tie:3", "ref:1:2", "tied:-1"])
def test_other_ids_are_refused(text):
    with pytest.raises(ValueError, match="neither ref:N nor tied:N"):
        parse_id(text)


def test_prompts_in_both_forms():
    assert shared_prompts(["ref:3", "tied:03", "ref:1", "tied:2", "tied:1"]) == [1, 3]
