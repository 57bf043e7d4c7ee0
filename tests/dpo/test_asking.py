"""A round's labels: exact counts, replacement, and what stops it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.dpo.asking import label_round
from prefloop.dpo.view import OnPolicyPairs
from prefloop.dpo.writing import WrittenPair
from prefloop.errors import ModelError, NothingLeft
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import A


def pair_of(row):
    return WrittenPair(row, ((row,), (row, 1)), (0.0, 0.0), (0.0, 0.0))


def comparison_of(pair):
    return Comparison(f"p{pair.prompt}", "x", "y")


class FakeOracle:
    name, paid = "test", False

    def __init__(self, silent):
        self.silent, self.asked = silent, []

    def ask(self, comparisons, keep=None):
        self.asked += [int(c.prompt[1:]) for c in comparisons]
        return [
            Answer(None, "garbled", calls=2, tokens=5) if int(c.prompt[1:]) in self.silent else Answer(A, tokens=7)
            for c in comparisons
        ]


def label(m, prompts, silent, step=None, oracle=FakeOracle):
    asked, oracle = set(), oracle(silent)

    def choose(count, attempt):
        left = [n for n in range(prompts) if n not in asked][: min(count, step or count)]
        rows = np.array(left, dtype=np.int64)
        return OnPolicyPairs(rows, np.zeros((len(rows), 2)), np.zeros((len(rows), 2)), rows)

    bought: list[WrittenPair] = []
    labels = label_round(m, choose, pair_of, comparison_of, oracle, asked, bought.append)
    assert bought == [of.pair for of in labels.labelled]
    return labels, oracle, asked


@given(st.integers(1, 8), st.sets(st.integers(0, 30), max_size=8), st.integers(1, 4))
def test_exactly_m_labels_however_many_answers_fail(m, silent, step):
    labels, oracle, asked = label(m, 40, silent, step)
    assert len(labels.labelled) == m
    assert [of.pair.prompt for of in labels.labelled] == [n for n in oracle.asked if n not in silent]
    assert labels.unanswered == [n for n in oracle.asked if n in silent]
    assert len(oracle.asked) == len(set(oracle.asked))
    assert asked == set(oracle.asked)
    assert labels.calls == m + 2 * len(labels.unanswered)
    assert labels.tokens == 7 * m + 5 * len(labels.unanswered)


def test_it_says_when_no_prompt_is_left():
    with pytest.raises(NothingLeft, match="2 more comparisons wanted"):
        label(5, 4, {1})


def test_it_stops_when_nothing_is_answered_any_more():
    with pytest.raises(ModelError, match=r"test answered none of the last 12 comparisons \(garbled\)"):
        label(12, 100, set(range(100)))
    with pytest.raises(ModelError, match="none of the last 10 comparisons"):
        label(1, 100, set(range(100)))


def test_answers_lost_by_parameter_are_no_silence():
    from prefloop.labels.comparison import LOST

    class Lossy(FakeOracle):
        def ask(self, comparisons, keep=None):
            return [Answer(None, LOST) if a.verdict is None else a for a in super().ask(comparisons)]

    lost = set(range(30))
    labels, _, _ = label(3, 100, lost, oracle=Lossy)
    assert len(labels.unanswered) == 30
