"""State of a run: what is finished is found again, whatever else was run in between."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from prefloop.rounds.driver import Run, play_rounds
from prefloop.rounds.store import RoundStore, facts_of


@dataclass(frozen=True)
class Round:
    number: int
    facts: dict[str, Any]
    total: int


class Form:
    weights = "weights"

    def pack(self, record):
        return {"total": np.array([record.total])}, {}

    def unpack(self, tensors, metadata):
        number, facts = facts_of(metadata)
        return Round(number, facts, int(tensors["total"][0]))


class Sum:
    """Adds up round numbers; what it was asked to play is kept."""

    form = Form()

    def __init__(self, rounds, stop_at=None):
        self.rounds, self._stop_at, self._total, self.played = rounds, stop_at, 0, []

    def resume(self, records, store):
        self._total = records[-1].total if records else 0

    def play(self, number):
        if number == self._stop_at:
            raise KeyboardInterrupt
        self.played.append(number)
        self._total += number
        return Round(number, {"round": number}, self._total)

    def save(self):
        return lambda path: path.write_text(str(self._total))

    def notes(self):
        return {"total": self._total}


def store_of(folder, fingerprint="one"):
    return RoundStore(folder, fingerprint, Form(), {"parts": {"sum": 1}})


def test_a_stopped_run_plays_only_what_is_missing(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        play_rounds(Sum(5, stop_at=3), store_of(tmp_path), lambda *_: None)
    again, seen = Sum(5), []
    records = play_rounds(again, store_of(tmp_path), lambda record, seconds: seen.append(record.number))
    assert again.played == seen == [3, 4]
    assert [record.total for record in records] == [0, 1, 3, 6, 10]
    # Only the last round's weights stay, and every round is a line of the log.
    assert [path.name for path in tmp_path.glob("one/weights-*")] == ["weights-0004.safetensors"]
    lines = (tmp_path / "one" / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in lines] == [0, 1, 2, 3, 4]


def test_another_identity_leaves_the_state_and_the_first_comes_back(tmp_path):
    play_rounds(Sum(3), store_of(tmp_path), lambda *_: None)
    other, back = Sum(3), Sum(4)
    play_rounds(other, store_of(tmp_path, "two"), lambda *_: None)
    play_rounds(back, store_of(tmp_path), lambda *_: None)
    assert other.played == [0, 1, 2]
    assert back.played == [3]


def test_a_damaged_round_and_all_behind_it_are_played_again(tmp_path, caplog):
    play_rounds(Sum(4), store_of(tmp_path), lambda *_: None)
    (tmp_path / "one" / "round-0001.safetensors").write_bytes(b"damaged")
    again = Sum(4)
    assert [record.total for record in play_rounds(again, store_of(tmp_path), lambda *_: None)] == [0, 1, 3, 6]
    assert again.played == [1, 2, 3]
    assert "round-0001.safetensors is damaged" in caplog.text


def test_a_run_writes_its_folder_from_all_rounds(tmp_path):
    run = Run(tmp_path / "state", "one", {}, tmp_path / "run")
    written = []
    run.make(Sum(2), lambda *_: None, lambda folder, records: written.append((folder, len(records))))
    assert written == [(tmp_path / "run", 2)]
