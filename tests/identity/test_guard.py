"""The guard itself: it sees a changed number, names the part and the remedy, and stores nothing by mistake."""

from __future__ import annotations

import json

import numpy as np
import pytest

from prefloop.acquisition import scores
from prefloop.dpo import designs
from prefloop.identity import declared
from prefloop.oracle import simulated
from tests.identity import __main__ as command
from tests.identity import guard
from tests.identity.guard import PURE, Probe, differences, problem, read_stored, reduced, store, write_stored
from tests.identity.probes import PROBES

COLDNESS, EXPIT = scores.coldness, simulated.expit
# A part, where a number of it stands, and another number; with what is asked whether it changes too.
CHANGES = {
    "batch_policy.power_bald": (scores, "coldness", lambda *of: 1.05 * COLDNESS(*of), "batch_policy."),
    "dpo_rule.d_optimal": (designs, "expit", lambda margin: EXPIT(1.5 * margin), "dpo_rule."),
    "oracle": (simulated, "expit", lambda gap: EXPIT(1.5 * gap), ("oracle", "rounds", "labels", "evaluation")),
}


@pytest.fixture
def numbers(monkeypatch, tmp_path):
    """Two small parts of our own, stored in a file of the test's; what they give can be changed."""
    monkeypatch.setattr(guard, "STORED", tmp_path / "outputs.json")
    values = {"one": {"x": [1.0, 2.0], "n": 3}, "other": {"word": "a"}}
    probes = {part: Probe(lambda part=part: values[part]) for part in values}
    assert store({"one": 1, "other": 1}, probes) == (["one", "other"], [])
    return values, probes


@pytest.mark.parametrize("part", CHANGES)
def test_a_changed_number_turns_its_part_red_and_no_other(monkeypatch, part):
    module, name, changed, beside = CHANGES[part]
    monkeypatch.setattr(module, name, changed)
    stored, versions = read_stored(), declared()
    asked = [of for of in versions if of.startswith(beside)]
    assert part in asked
    assert len(asked) > 3
    told = {of: problem(of, versions[of], PROBES[of], stored) for of in asked}
    assert [of for of, text in told.items() if text] == [part]
    assert f"raise {part} in prefloop/versions.yaml to 2 and run `python -m tests.identity`" in told[part]
    assert "stored " in told[part]
    # With the version raised, it asks for the new outputs.
    raised = problem(part, versions[part] + 1, PROBES[part], stored)
    assert raised.endswith("outputs of version 1 are stored. Run `python -m tests.identity`")


def test_what_has_changed_without_its_version_is_not_stored_nor_anything_beside_it(numbers):
    values, probes = numbers
    before = guard.STORED.read_text()
    values["one"]["x"] = [1.0, 2.001]
    values["other"]["word"] = "b"
    stored, wrong = store({"one": 1, "other": 2}, probes)
    assert stored == []
    assert len(wrong) == 1
    assert wrong[0].startswith(
        "one: its outputs have changed, its version (1) has not:\n  x[1]: stored 2.0, got 2.001\n"
    )
    assert guard.STORED.read_text() == before


def test_a_raised_version_is_stored_and_a_lowered_one_is_not(numbers):
    values, probes = numbers
    values["one"]["n"] = 4
    assert store({"one": 2, "other": 1}, probes) == (["one"], [])
    assert read_stored()["one"] == {"version": 2, "outputs": {"x": [1.0, 2.0], "n": 4}}
    assert problem("one", 2, probes["one"], read_stored()) is None
    assert store({"one": 2, "other": 1}, probes) == ([], [])
    (told,) = store({"one": 1, "other": 1}, probes)[1]
    assert "a version is never lowered" in told


def test_a_new_part_is_stored_and_one_that_is_gone_goes(numbers):
    _, probes = numbers
    probes["new"] = Probe(lambda: [0.5])
    assert (
        problem("new", 1, probes["new"], read_stored())
        == "new: no outputs are stored of it. Run `python -m tests.identity`"
    )
    assert store({"one": 1, "new": 1}, probes) == (["new"], [])
    assert list(read_stored()) == ["one", "new"]


def test_the_command_ends_with_1_where_it_refuses(numbers, monkeypatch, capsys):
    values, probes = numbers
    monkeypatch.setattr(command, "PROBES", probes)
    monkeypatch.setattr(command, "declared", lambda: {"one": 1, "other": 1})
    assert command.main() == 0
    assert "stored already" in capsys.readouterr().out
    values["other"]["word"] = "b"
    assert command.main() == 1
    assert "Nothing was stored" in capsys.readouterr().err
    monkeypatch.setattr(command, "declared", lambda: {"one": 1, "other": 2})
    assert command.main() == 0
    assert capsys.readouterr().out == "Stored: other.\n"


VALUES = np.random.default_rng(0).standard_normal(500)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1.0, 1.0 + 1e-9, True),
        (1.0, 1.0 + 1e-5, False),
        (1.0, None, False),
        (1, 2, False),
        (1, True, False),
        (["a", "b"], ["b", "a"], False),
        ([1e-9, 1.0], [3e-9, 1.0], True),
        ({"x": 1}, {"x": 1, "y": None}, False),
        (float("nan"), 0.0, False),
        (VALUES, VALUES * (1 + 1e-9), True),
        (VALUES, VALUES[::-1], False),
        (VALUES, np.where(np.arange(500) == 321, VALUES + 0.01, VALUES), False),
        (VALUES, np.where(np.arange(500) == 321, np.nan, VALUES), False),
        (np.arange(100), np.where(np.arange(100) == 77, 0, np.arange(100)), False),
    ],
)
def test_two_outputs_are_the_same_up_to_last_bits(one, other, same, numbers):
    write_stored({"x": {"version": 1, "outputs": reduced(one)}})
    stored = read_stored()["x"]["outputs"]
    assert (not list(differences(stored, json.loads(json.dumps(reduced(other))), PURE))) == same
