"""Comparisons, an oracle of a table, and what every oracle must keep to."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B

PAIRS = [Comparison(f"prompt {n // 3}", f"left {n}", f"right {n}") for n in range(60)]


def swapped(comparison):
    return Comparison(comparison.prompt, comparison.b, comparison.a)


def turned(verdict):
    return {None: None, TIE: TIE, A: B, B: A}[verdict]


def verdicts(oracle, comparisons):
    return [answer.verdict for answer in oracle.ask(comparisons)]


class Table:
    """An oracle that looks up the verdict of each pair; None is a failure of its own."""

    paid = False

    def __init__(self, name="table", seed=0, paid=False):
        self.name, self.paid, self.asked = name, paid, []
        self._seed = seed

    def ask(self, comparisons, keep=None):
        answers = []
        for position, comparison in enumerate(comparisons):
            self.asked.append(comparison.pair)
            verdict = random.Random(f"{self._seed}{comparison.pair}").choice([A, A, A, B, B, B, TIE, None])
            if verdict is not None:
                verdict = comparison.turned(verdict)
            answer = Answer(verdict, None if verdict is not None else "out of order", 2, 30)
            if comparison.is_alike:
                answer = Answer(TIE, calls=0)
            if keep is not None:
                keep(position, answer)
            answers.append(answer)
        return answers


def check_oracle(oracle, comparisons):
    """Neither the order of a and b, nor that of the list, nor asking again changes an answer."""
    came = verdicts(oracle, comparisons)
    assert verdicts(oracle, [swapped(c) for c in comparisons]) == [turned(v) for v in came]
    assert verdicts(oracle, comparisons[::-1]) == came[::-1]
    order = random.Random(1).sample(range(len(comparisons)), len(comparisons))
    assert verdicts(oracle, [comparisons[n] for n in order]) == [came[n] for n in order]
    assert verdicts(oracle, [Comparison("p", "same", "same")]) == [TIE]
    assert oracle.ask([]) == []
    kept = {}
    answers = oracle.ask(comparisons, kept.__setitem__)
    assert [kept[n] for n in range(len(comparisons))] == answers
    return came


text = st.text(alphabet="ab \n.", max_size=6)
comparison = st.builds(Comparison, text, text, text)
comparisons = st.lists(comparison, max_size=20)
