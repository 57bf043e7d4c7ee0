"""Disputed pairs: which they are, and in what order they are asked about once more."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta

from prefloop.campaign.relabel import by_doubt, most_annotators
from prefloop.labels.verdicts import WORDS
from tests.campaign.worlds import said
from tests.identity.worlds import listed_table, some_pairs

PROBLEM = listed_table().problem
PAIRS = some_pairs(PROBLEM, 8)

words = st.lists(st.sampled_from("abtns."), min_size=8, max_size=8).map("".join)


def votes(row):
    return [row[f"votes_{word}"] for word in WORDS]


@settings(max_examples=30)
@given(st.lists(words, max_size=5), st.integers(1, 6))
def test_pairs_on_which_votes_disagree_come_by_the_doubt_about_them(people, most):
    labels = said(PROBLEM, PAIRS, {str(number): words for number, words in enumerate(people)}).pairs
    rows, doubt = by_doubt(labels, most, seed=3)
    wanted = set()
    for row in labels.to_pylist():
        a, b, tie, bad, _ = votes(row)
        if ((a and b) or ((a or b) and (tie or bad))) and sum(votes(row)) < most:
            wanted.add(row["pair_id"])
    assert set(rows["pair_id"].to_pylist()) == wanted
    assert len(rows) == len(wanted)
    assert (np.diff(doubt) <= 0).all()
    for row, told in zip(rows.to_pylist(), doubt, strict=True):
        a, b, tie, bad, _ = votes(row)
        wins = beta.sf(0.5, 0.5 + a + (tie + bad) / 2, 0.5 + b + (tie + bad) / 2)
        entropy = -sum(p * np.log(p) for p in (wins, 1 - wins) if p > 0)
        assert told == pytest.approx(entropy, abs=1e-9)


def order_of(splits):
    """The order in which pairs with so many votes for a and for b are asked about once more."""
    people = range(max(a + b for a, b in splits))
    by_person = {str(n): "".join("a" if n < a else "b" if n < a + b else "." for a, b in splits) for n in people}
    labels = said(PROBLEM, PAIRS, by_person).pairs
    rows, _ = by_doubt(labels, most=100, seed=0)
    return [(row["votes_a"], row["votes_b"]) for row in rows.to_pylist()]


def test_the_closest_votes_come_first_and_of_equal_ones_the_fewest():
    assert order_of([(3, 1), (3, 3), (2, 1), (1, 1), (4, 1), (5, 0)]) == [(1, 1), (3, 3), (2, 1), (3, 1), (4, 1)]


def test_pairs_that_are_alike_come_in_the_order_of_a_hash():
    labels = said(PROBLEM, PAIRS, {"x": "a" * 8, "y": "b" * 8}).pairs
    orders = {tuple(by_doubt(labels, 5, seed)[0]["pair_id"].to_pylist()) for seed in range(5)}
    assert len(orders) == 5
    shuffled = labels.take(np.random.default_rng(0).permutation(8))
    assert by_doubt(labels, 5, 1)[0]["pair_id"].equals(by_doubt(shuffled, 5, 1)[0]["pair_id"])


def test_an_adjudicated_pair_is_no_dispute():
    labels = said(PROBLEM, PAIRS, {"x": "abab", "y": "baba"})
    assert len(by_doubt(labels.pairs, 5, 0)[0]) == 4
    ruled = said(PROBLEM, PAIRS, {"x": "abab", "y": "baba"}, purpose="adjudication")
    assert not len(by_doubt(ruled.pairs, 5, 0)[0])


@pytest.mark.parametrize(("at_first", "most"), [(1, 3), (2, 5), (5, 11)])
def test_the_most_people_are_an_odd_number(at_first, most):
    assert most_annotators(at_first) == most
