"""Repeated questions and gold items, by definition."""

from __future__ import annotations

import pytest

from prefloop.campaign.checks import asked_twice, gold_answers
from prefloop.labels.label import WITHDRAWN
from tests.campaign.campaigns import lines_of
from tests.labels.helpers import label


def test_questions_asked_twice():
    lines = lines_of(
        label(0, verdict="a"),
        label(1, verdict="b"),
        label(2, verdict="skip"),
        label(0, annotator="x", verdict="b"),
        label(1, verdict="a", purpose="gold"),
        label(0, verdict="a", purpose="repeat"),
        label(1, verdict="tie", purpose="repeat"),
        label(2, verdict="a", purpose="repeat"),
        label(9, annotator="x", verdict="a", purpose="repeat"),
    )
    twice = asked_twice(lines)
    assert twice.by_name() == {"ann": {"repeats": 3, "consistent": 0.333}}
    assert twice.votes.tolist() == [[2, 0, 0], [0, 1, 1]]


@pytest.mark.parametrize(
    ("words", "pairs"),
    [
        ("a Rb", ["ab"]),
        ("a Rb R-", []),
        ("a Rb R- Ra", ["aa"]),
        ("a Rb Ra", ["aa"]),
        ("a - b Rb", ["bb"]),
        ("a b Ra", ["ba"]),
        ("a Rb b", ["ab"]),
        ("a Rb - b", ["ab"]),
        ("- Ra", []),
    ],
)
def test_a_repeat_that_was_taken_back_was_not_given(words, pairs):
    lines = []
    for number, word in enumerate(words.split()):
        said = {"verdict": None, "reason": WITHDRAWN} if word[-1] == "-" else {"verdict": word[-1]}
        lines.append(label(0, purpose="repeat" if word[0] == "R" else None, **said))
        lines.append(label(number + 1, annotator="x", **said))
    twice = asked_twice(lines_of(*lines))
    assert ["ab"[a] + "ab"[b] for a, b in zip(twice.before, twice.again, strict=True)] == pairs


def test_gold_items_by_their_known_answers():
    lines = lines_of(
        label(0, purpose="gold"),
        label(1, purpose="gold"),
        label(1, verdict=None, reason=WITHDRAWN, purpose="gold"),
        label(2, verdict="b", purpose="gold"),
        label(2, verdict="a", purpose="gold"),
        label(3, verdict="b", purpose="gold"),
        label(4),
    )
    known = {label(n).pair_id: "a" for n in range(5)}
    assert gold_answers(lines, known) == {"ann": {"gold": 3, "correct": 0.667}}
