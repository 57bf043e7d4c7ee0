"""Errors on purpose: fixed per pair, as frequent as asked for, and a loss changes no other verdict."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.judges.coin import Coin
from prefloop.judges.kinds import Coin as CoinConfig
from prefloop.judges.kinds import Oracle
from prefloop.judges.noise import Noisy
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B
from tests.judges.helpers import PAIRS, Table, check_oracle, comparisons, verdicts

MANY = [Comparison(f"p{n}", "x", "y") for n in range(4000)]


def config(**changes):
    values = {"judge": CoinConfig(kind="coin"), "flip_rate": 0, "position_bias": 0, "failure_rate": 0, "salt": "s"}
    return Oracle.model_validate(values | changes)


rates = {"flip_rate": st.floats(0, 0.5), "position_bias": st.floats(0, 1), "failure_rate": st.floats(0, 0.99)}


@settings(max_examples=60, deadline=None)
@given(comparisons, st.fixed_dictionaries(rates), st.text(max_size=2))
def test_no_order_and_no_repetition_changes_an_answer(asked, errors, salt):
    check_oracle(Noisy(Table(), config(salt=salt, **errors)), asked)


@settings(max_examples=60, deadline=None)
@given(comparisons, st.floats(0, 0.99), st.fixed_dictionaries({**rates, "failure_rate": st.just(0.0)}))
def test_failures_change_no_verdict(asked, rate, errors):
    whole = verdicts(Noisy(Table(), config(**errors)), asked)
    some = Noisy(Table(), config(**errors | {"failure_rate": rate})).ask(asked)
    for answer, verdict in zip(some, whole, strict=True):
        assert answer.verdict in (None, verdict)
        assert (answer.reason is None) or answer.verdict is None
        assert (answer.calls, answer.tokens) in ((2, 30), (0, 0))


@settings(max_examples=60, deadline=None)
@given(comparisons)
def test_without_errors_it_is_the_oracle_itself(asked):
    table = Table()
    noisy = Noisy(table, config())
    assert noisy.ask(asked) == table.ask(asked)
    assert (noisy.name, noisy.paid) == ("table", False)


@settings(max_examples=60, deadline=None)
@given(comparisons, st.data())
def test_what_else_is_asked_does_not_matter(asked, data):
    noisy = Noisy(Table(), config(flip_rate=0.3, position_bias=0.3, failure_rate=0.3))
    whole = noisy.ask(asked)
    part = [n for n in range(len(asked)) if data.draw(st.booleans())]
    assert noisy.ask([asked[n] for n in part]) == [whole[n] for n in part]


def share(hits, n, expected):
    return abs(hits / n - expected) < 4 * math.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize("rate", [0.05, 0.2, 0.5])
def test_errors_are_as_frequent_as_asked_for(rate):
    true = verdicts(Coin(), MANY)
    lost = verdicts(Noisy(Coin(), config(failure_rate=rate)), MANY)
    assert share(lost.count(None), len(MANY), rate)
    flipped = verdicts(Noisy(Coin(), config(flip_rate=rate)), MANY)
    assert share(sum(a != b for a, b in zip(true, flipped, strict=True)), len(MANY), rate)
    biased = verdicts(Noisy(Coin(), config(position_bias=rate)), MANY)
    assert share(sum(a != b for a, b in zip(true, biased, strict=True)), len(MANY), rate / 2)


class Always:
    """Says the same whatever it is shown."""

    name, paid = "always", False

    def __init__(self, verdict):
        self._verdict = verdict

    def ask(self, comparisons, keep=None):
        return [Answer(self._verdict, "why") for _ in comparisons]


def test_the_biased_one_decides_ties_by_a_fair_coin_and_reads_nothing():
    first = verdicts(Noisy(Always(TIE), config(position_bias=1)), MANY)
    assert first == verdicts(Noisy(Coin(), config(position_bias=1)), MANY)
    assert share(first.count(A), len(MANY), 0.5)
    assert set(first) == {A, B}


def test_a_tie_is_not_turned_and_what_was_unanswered_stays_so():
    everything = config(flip_rate=0.5, position_bias=1)
    assert set(verdicts(Noisy(Always(TIE), config(flip_rate=0.5)), MANY)) == {TIE}
    assert set(Noisy(Always(None), everything).ask(PAIRS)) == {Answer(None, "why")}
    assert verdicts(Noisy(Always(TIE), everything), [Comparison("p", "x", "x")]) == [TIE]


def test_coins_of_different_errors_and_salts_are_independent():
    true = verdicts(Coin(), MANY)
    flips = [
        [a != b for a, b in zip(true, verdicts(Noisy(Coin(), config(flip_rate=0.5, salt=s)), MANY), strict=True)]
        for s in ("s", "t")
    ]
    lost = [v is None for v in verdicts(Noisy(Coin(), config(failure_rate=0.5)), MANY)]
    for one, other in ((flips[0], flips[1]), (flips[0], lost)):
        assert share(sum(a and b for a, b in zip(one, other, strict=True)), len(MANY), 0.25)
