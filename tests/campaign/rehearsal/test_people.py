"""Simulated people: their habits show in what they say, and nothing else does."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.campaign.rehearsal.people import Person, people_of
from tests.worlds import make_params

PLAIN = Person("p", 0.0, 0.0, 0.0, 0.0, 0.0, 20.0, 0.5, 0.0, 0)
SHARE = st.floats(0, 1)
SIDES = st.sampled_from(["left", "right", "tie"])
OFFERED = st.sets(st.sampled_from(["tie", "both_bad", "skip"]))
PEOPLE = st.builds(
    Person,
    st.text(),
    SHARE,
    SHARE,
    SHARE,
    SHARE,
    SHARE,
    st.floats(0.1, 1000),
    st.floats(0, 3),
    SHARE,
    st.integers(0),
)
MANY = [f"pair-{number}" for number in range(4000)]


@given(PEOPLE, st.text(), st.integers(0, 9), SIDES, OFFERED)
def test_only_what_is_offered_is_said_and_always_the_same(person, pair, time, truth, offered):
    said = person.verdict(pair, time, truth, offered)
    assert said in {"left", "right"} | offered
    assert said == replace(person).verdict(pair, time, truth, offered)
    assert 0 < person.takes(pair, time) <= 3600
    assert person.takes(pair, time) == replace(person).takes(pair, time)


@given(st.text(), SIDES)
def test_without_habits_the_truth_is_said(pair, truth):
    assert PLAIN.verdict(pair, 1, truth, {"tie", "both_bad", "skip"}) == truth
    assert not PLAIN.goes(pair, 1)


def share_of(person, word, truth="right", offered=("tie", "both_bad", "skip")):
    return sum(person.verdict(pair, 1, truth, offered) == word for pair in MANY) / len(MANY)


@pytest.mark.parametrize(
    ("habit", "word"),
    [("flips", "left"), ("leans_left", "left"), ("ties", "tie"), ("both_bad", "both_bad"), ("skips", "skip")],
)
def test_a_habit_shows_at_its_rate_and_turns_nothing_else(habit, word):
    person = replace(PLAIN, **{habit: 0.3})
    assert share_of(person, word) == pytest.approx(0.3, abs=0.03)
    assert share_of(person, "right") == pytest.approx(0.7, abs=0.03)


def test_who_leans_left_is_right_where_the_better_stands_left():
    person = replace(PLAIN, leans_left=0.3)
    assert share_of(person, "left", truth="left") == 1


def test_a_tie_that_is_not_offered_falls_on_either_side():
    assert share_of(PLAIN, "left", truth="tie", offered=()) == pytest.approx(0.5, abs=0.03)


def test_times_have_their_median_and_nobody_leaves_but_at_the_rate():
    assert median(PLAIN.takes(pair, 1) for pair in MANY) == pytest.approx(20, rel=0.05)
    person = replace(PLAIN, leaves=0.1)
    assert sum(person.goes(pair, 1) for pair in MANY) / len(MANY) == pytest.approx(0.1, abs=0.02)


def test_asked_again_somebody_may_say_something_else():
    person = replace(PLAIN, flips=0.5)
    first, second = ([person.verdict(pair, time, "left", ()) for pair in MANY] for time in (1, 2))
    assert sum(a == b for a, b in zip(first, second, strict=True)) / len(MANY) == pytest.approx(0.5, abs=0.03)


@given(st.integers(1, 100), st.integers(0, 99), st.tuples(SHARE, SHARE).map(sorted))
def test_habits_are_drawn_within_their_ranges(people, seed, flips):
    config = make_params(rehearsal__people=people, rehearsal__seed=seed, rehearsal__flip_rate=flips).rehearsal
    drawn = people_of(config)
    assert len({person.name for person in drawn}) == people
    assert all(flips[0] <= person.flips <= flips[1] for person in drawn)
    assert all(config.seconds[0] <= person.seconds <= config.seconds[1] for person in drawn)
    assert drawn == people_of(config)
