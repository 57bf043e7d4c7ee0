"""State of former parameters stays until somebody removes it, and says what it is of."""

from __future__ import annotations

import pytest

from prefloop.rounds.driver import play_rounds
from prefloop.rounds.state import list_states, prune
from prefloop.rounds.store import RoundStore
from tests.rounds.test_store import Form, Sum


def play(folder, fingerprint, rounds=2, **identity):
    play_rounds(Sum(rounds), RoundStore(folder, fingerprint, Form(), identity), lambda *_: None)


@pytest.fixture
def root(tmp_path):
    run = tmp_path / "runs" / "bal_pm" / "0"
    play(run, "one", rounds=3, parts={"division": 1}, parameters={"beta": 0.03})
    play(run, "two", parts={"division": 2}, parameters={"beta": 0.03})
    play(tmp_path / "runs" / "random" / "1", "three")
    return tmp_path / "runs"


def test_states_are_listed_with_what_they_differ_in(root):
    states = {state.fingerprint: state for state in list_states([root, root / "missing"])}
    assert {name: state.in_use for name, state in states.items()} == {"one": False, "two": True, "three": True}
    assert states["one"].differs == ("parts.division 1, now 2",)
    assert (states["one"].policy, states["one"].seed, states["one"].rounds) == ("bal_pm", "0", 3)
    assert states["one"].size > 0


def test_only_what_is_superseded_is_removed(root):
    freed = prune(list_states([root]))
    assert freed > 0
    assert {state.fingerprint for state in list_states([root])} == {"two", "three"}
    assert prune(list_states([root])) == 0


def test_what_is_in_use_changes_with_the_parameters(root):
    play(root / "bal_pm" / "0", "one", rounds=3, parts={"division": 1}, parameters={"beta": 0.03})
    prune(list_states([root]))
    assert {state.fingerprint for state in list_states([root])} == {"one", "three"}


def test_a_state_whose_identity_cannot_be_read_is_listed_all_the_same(root):
    (root / "bal_pm" / "0" / "one" / "identity.json").write_text("{")
    assert len(list_states([root])) == 3
