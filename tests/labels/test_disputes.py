"""Rulings are no votes, and one definition says which pairs are disputed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.labels.aggregate import aggregate
from prefloop.labels.disputes import Disputes, disputed
from prefloop.labels.lines import table_of
from prefloop.labels.verdicts import WORDS
from tests.labels.helpers import label
from tests.worlds import make_params

CONFIG = make_params().labels
VOTES = st.lists(st.tuples(st.integers(0, 3), st.sampled_from("xyz"), st.sampled_from(WORDS)), max_size=15)
RULINGS = st.dictionaries(st.integers(0, 5), st.sampled_from(WORDS[:4]))


def table(votes, rulings):
    said = [label(number, annotator=who, verdict=word) for number, who, word in votes]
    ruled = [
        label(number, annotator="x", verdict=word, purpose="adjudication") for number, word in rulings.items()
    ]
    return aggregate(table_of([*said, *ruled]), CONFIG)


@settings(max_examples=50, deadline=None)
@given(VOTES, RULINGS)
def test_a_ruling_decides_its_pair_and_is_no_vote(votes, rulings):
    said = {row["pair_id"]: row for row in table(votes, {}).to_pylist()}
    words = {label(number).pair_id: word for number, word in rulings.items()}
    both = table(votes, rulings)
    assert set(both["pair_id"].to_pylist()) == set(said) | set(words)
    for row in both.to_pylist():
        id_ = row["pair_id"]
        counts = {f"votes_{word}": said[id_][f"votes_{word}"] if id_ in said else 0 for word in WORDS}
        assert {name: row[name] for name in counts} == counts
        assert row["ruling"] == words.get(id_)
        decided = said[id_]["verdict"] if id_ not in words else words[id_]
        assert row["verdict"] == (decided if decided in ("a", "b") else "tie")


@settings(max_examples=50, deadline=None)
@given(VOTES, RULINGS)
def test_disputed_pairs_by_definition(votes, rulings):
    last = {(number, who): word for number, who, word in votes}
    kinds = {number: set() for number, _, _ in votes}
    for (number, _), word in last.items():
        kinds[number] |= {"tie" if word == "both_bad" else word} - {"skip"}
    expected = {label(n).pair_id for n, words in kinds.items() if len(words) > 1 and n not in rulings}
    pairs = table(votes, rulings)
    found = {id_ for id_, is_one in zip(pairs["pair_id"].to_pylist(), disputed(pairs), strict=True) if is_one}
    assert found == expected
    undecided = [row for row in pairs.to_pylist() if row["pair_id"] in expected and row["verdict"] == "tie"]
    assert Disputes.of(pairs) == Disputes(len(expected), len(undecided))


@pytest.mark.parametrize("word", ["a", "tie", "both_bad"])
def test_nobody_is_asked_to_decide_what_was_decided(word):
    votes = [(0, "x", "a"), (0, "y", "b")]
    assert "1 pairs have as many votes" in Disputes.of(table(votes, {})).told("majority")
    assert Disputes.of(table(votes, {0: word})).told("majority") is None
