"""The folder that makes a run resumable."""

from __future__ import annotations

import json

from prefloop.io.resume import ResumeFolder


def test_another_fingerprint_starts_anew_and_the_same_goes_on(tmp_path):
    first = ResumeFolder(tmp_path, "one")
    first.numbered("round", 3).write_bytes(b"x")
    assert ResumeFolder(tmp_path, "one").numbered("round", 3).read_bytes() == b"x"
    other = ResumeFolder(tmp_path, "two")
    assert [path.name for path in tmp_path.iterdir()] == ["two"]
    assert list(other.path.iterdir()) == []


def test_files_are_forgotten_by_kind_and_number(tmp_path):
    state = ResumeFolder(tmp_path, "one")
    for kind in ("round", "policy"):
        for number in range(5):
            state.numbered(kind, number).touch()
    state.forget("round", start=3)
    state.forget("policy", below=4)
    assert sorted(p.stem for p in state.path.iterdir()) == [
        "policy-0004",
        "round-0000",
        "round-0001",
        "round-0002",
    ]


def test_notes_are_lines(tmp_path):
    state = ResumeFolder(tmp_path, "one")
    state.note({"round": 0})
    state.note({"round": 1})
    assert [json.loads(line)["round"] for line in (state.path / "log.jsonl").read_text().splitlines()] == [0, 1]
