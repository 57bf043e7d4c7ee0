"""Agreement: by its definition, against the package krippendorff, and whichever completion is called a."""

from collections import Counter
from itertools import permutations

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.labels.aggregate import standing_votes
from prefloop.labels.agreement import (
    agreement,
    agreement_by_month,
    agreement_by_pair,
    agreement_by_part,
    agreement_by_person,
)
from prefloop.labels.lines import table_of
from prefloop.labels.verdicts import COMPARED, WORDS
from tests.labels.helpers import label
from tests.labels.votes import standing

cases = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from("vwxyz"), st.sampled_from([*WORDS, "a", "b"])), max_size=30
)


def last_words(votes):
    """Words by pair and annotator, those that are no vote left out and both_bad a tie."""
    pairs = {}
    for pair, who, word in votes:
        pairs.setdefault(pair, {})[who] = "tie" if word == "both_bad" else word
    return {pair: {who: word for who, word in said.items() if word != "skip"} for pair, said in pairs.items()}


@settings(max_examples=20, deadline=None)
@given(cases)
def test_raw_agreement_is_the_share_of_agreeing_pairs_of_votes(votes):
    shares = [
        np.mean([one == other for one, other in permutations(said.values(), 2)])
        for said in last_words(votes).values()
        if len(said) > 1
    ]
    result = agreement(standing(votes))
    assert result.pairs == len(shares)
    assert result.raw == (pytest.approx(np.mean(shares)) if shares else None)
    table = agreement_by_pair(standing(votes))["agreement"].drop_null().to_pylist()
    assert sorted(table) == pytest.approx(sorted(shares))


@settings(max_examples=20, deadline=None)
@given(cases)
def test_alpha_is_that_of_krippendorff_with_each_pair_both_ways_round(votes):
    counts = [[Counter(said.values())[word] for word in COMPARED] for said in last_words(votes).values()]
    counts = np.array([row for row in counts if sum(row) > 1] or np.zeros((0, 3)), dtype=int)
    result = agreement(standing(votes))
    if not counts[:, :2].any():
        assert result.alpha is None
        assert result.alpha_interval is None
        return
    both = np.concatenate([counts, counts[:, [1, 0, 2]]])
    expected = krippendorff.alpha(value_counts=both, level_of_measurement="nominal")
    assert result.alpha == pytest.approx(expected)


@settings(max_examples=20, deadline=None)
@given(cases, st.sets(st.integers(0, 4)))
def test_turning_pairs_round_changes_nothing(votes, turned):
    swap = {"a": "b", "b": "a"}
    other = [(pair, who, swap.get(word, word) if pair in turned else word) for pair, who, word in votes]
    assert agreement(standing(other)) == agreement(standing(votes))
    assert agreement_by_person(standing(other)) == agreement_by_person(standing(votes))


@settings(max_examples=20, deadline=None)
@given(cases)
def test_a_person_is_measured_by_the_others_votes(votes):
    said, rows = last_words(votes), agreement_by_person(standing(votes))
    assert [row.annotator for row in rows] == sorted({who for words in said.values() for who in words})
    for row in rows:
        mine = [(words[row.annotator], [w for who, w in words.items() if who != row.annotator])
                for words in said.values() if row.annotator in words and len(words) > 1]  # fmt: skip
        assert row.votes == len(mine)
        if not mine:
            assert row.agreement is row.interval is row.chance is row.kappa is None
            continue
        assert row.agreement == pytest.approx(np.mean([np.mean([w == word for w in rest]) for word, rest in mine]))
        low, high = row.interval
        assert low <= row.agreement <= high


def test_one_who_guesses_agrees_as_chance_has_it():
    rng = np.random.default_rng(0)
    truth = rng.choice(COMPARED, 600)
    votes = [(pair, who, word) for pair, word in enumerate(truth) for who in "xy"]
    votes += [(pair, "guesser", word) for pair, word in enumerate(rng.choice(COMPARED, 600))]
    people = {row.annotator: row for row in agreement_by_person(standing(votes))}
    assert abs(people["guesser"].kappa) < 0.08
    assert people["x"].kappa > 0.4
    assert people["guesser"].interval[0] < people["guesser"].chance < people["guesser"].interval[1]


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside = 0
    for _ in range(50):
        sure = rng.random(60) < 0.5
        votes = [
            (pair, who, "a" if sure[pair] else rng.choice(["a", "b"])) for pair in range(60) for who in ("x", "y")
        ]
        low, high = agreement(standing(votes), confidence=0.9).raw_interval
        inside += low <= 0.75 <= high
    assert inside >= 40


def test_an_adjudication_is_no_vote():
    votes = standing([(0, "x", "a"), (0, "y", "b")])
    lines = table_of([label(0, annotator="x"), label(0, annotator="y", verdict="b"),
                      label(0, annotator="boss", purpose="adjudication")])  # fmt: skip
    assert agreement(standing_votes(lines)) == agreement(votes)


def test_agreement_over_time_puts_a_pair_where_its_last_vote_came():
    votes = [(0, "x", "a"), (1, "x", "a"), (0, "y", "a"), (1, "y", "b"), (2, "x", "b")]
    by_month = dict(agreement_by_month(standing(votes, [1, 1, 1, 2, 2])))
    assert [(name, one.pairs, one.raw) for name, one in by_month.items()] == [("2024-01", 1, 1), ("2024-02", 1, 0)]
    assert [one.pairs for one in agreement_by_part(standing(votes), 5)] == [0, 0, 1, 1, 0]
    assert agreement_by_part(standing(votes), 1) == [agreement(standing(votes))]
    assert [one.pairs for one in agreement_by_part(standing([]), 2)] == [0, 0]
