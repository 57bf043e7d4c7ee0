"""The label log: nothing that was paid for is lost, nothing that is wrong is passed over."""

import json
import subprocess
import sys
from collections import Counter

import pytest

from prefloop.errors import DataError, StateError
from prefloop.io.hashing import pair_id
from prefloop.labels.log import Label, append_labels, last_round, read_labels, snapshot, warn_of_late_labels
from tests.worlds import ROOT


def label(number=0, **changes):
    a, b = f"{number:04d}-a", f"{number:04d}-b"
    values = {
        "pair_id": pair_id(a, b), "prompt_id": "p", "completion_a": a, "completion_b": b, "annotator": "ann",
        "verdict": "a", "timestamp": "2024-01-01T00:00:00+00:00", "round": 0, "source": "human",
    }  # fmt: skip
    return Label.model_validate(values | changes)


def test_what_is_appended_is_read_in_order(tmp_path):
    path = tmp_path / "labels" / "labels.jsonl"
    first = [label(1), label(2, verdict="tie", strength=0.5, shown_left="b", duration_ms=3, cost=0.1, tokens=7)]
    append_labels(path, first)
    append_labels(path, [label(1, verdict="skip", source="judge:gpt")])
    assert read_labels(path) == [*first, label(1, verdict="skip", source="judge:gpt")]
    assert "null" not in path.read_text()


APPEND = """
import json, sys
from pathlib import Path
from prefloop.labels.log import Label, append_labels
path, value = Path(sys.argv[1]), json.loads(sys.argv[2])
for number in range(25):
    append_labels(path, [Label(**value), Label(**value | {"round": number})])
"""


def test_four_processes_at_once_lose_nothing(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text("")
    values = [label(annotator=f"writer{n}").model_dump_json(exclude_none=True) for n in range(4)]
    command = [sys.executable, "-c", APPEND, str(path)]
    writers = [subprocess.Popen([*command, value], cwd=ROOT) for value in values]
    copies = [snapshot(path, tmp_path / "copy") for _ in range(20)]
    assert [writer.wait() for writer in writers] == [0] * 4
    assert Counter(x.annotator for x in read_labels(path)) == {f"writer{n}": 50 for n in range(4)}
    assert copies == sorted(copies)
    read_labels(tmp_path / "copy")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            {"verdict": "c"},
            "field 'verdict': got 'c', expected 'a', 'b', 'tie', 'both_bad' or 'skip'",
        ),
        ({"verdict": None}, "field 'verdict': got None"),
        ({"annotator": ""}, "field 'annotator': got ''"),
        ({"strength": 2}, "field 'strength': got 2"),
        ({"round": -1}, "field 'round': got -1"),
        ({"source": "judge:"}, "field 'source': got 'judge:'"),
        ({"verdct": "a"}, "field 'verdct': got 'a', expected no such field"),
        ({"cost": float("nan")}, "field 'cost': got nan"),
        ({"cost": float("inf")}, "field 'cost': got inf"),
        ({"pair_id": "x"}, "field 'pair_id': got {"),
        ({"completion_a": "0000-b", "completion_b": "0000-a"}, "expected completion_a < completion_b"),
    ],
)
def test_a_broken_line_is_named_with_file_row_and_field(tmp_path, change, expected):
    path = tmp_path / "labels.jsonl"
    append_labels(path, [label(0)])
    with open(path, "a") as lines:
        lines.write("\n" + json.dumps(label(0).model_dump(exclude_none=True) | change) + "\n")
    with pytest.raises(DataError) as caught:
        read_labels(path)
    assert str(caught.value).startswith(f"{path}, row 3, ")
    assert expected in str(caught.value)


def test_a_missing_field_is_named(tmp_path):
    content = label(0).model_dump(exclude_none=True)
    del content["verdict"]
    (tmp_path / "x").write_text(json.dumps(content) + "\n")
    with pytest.raises(DataError, match=r"row 1, field 'verdict': missing, expected in every label"):
        read_labels(tmp_path / "x")


def test_a_cut_line_is_named(tmp_path):
    append_labels(tmp_path / "x", [label(0), label(1)])
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:-20])
    with pytest.raises(DataError, match=r"row 2, field '\(line\)'"):
        read_labels(tmp_path / "x")


def test_a_missing_log_is_an_error_not_an_empty_one(tmp_path):
    with pytest.raises(DataError, match="is missing: restore it from version control, or create it empty"):
        snapshot(tmp_path / "x", tmp_path / "copy")
    with pytest.raises(StateError, match="is missing"):
        read_labels(tmp_path / "x")
    assert not (tmp_path / "copy").exists()


def test_a_snapshot_is_the_same_bytes(tmp_path):
    append_labels(tmp_path / "x", [label(0)])
    assert snapshot(tmp_path / "x", tmp_path / "deep" / "copy") == (tmp_path / "x").stat().st_size
    assert (tmp_path / "deep" / "copy").read_bytes() == (tmp_path / "x").read_bytes()


def test_verdicts_after_the_snapshot_are_warned_about(tmp_path, caplog):
    log, copy = tmp_path / "labels.jsonl", tmp_path / "copy.jsonl"
    log.write_text("")
    snapshot(log, copy)
    warn_of_late_labels(log, copy)
    assert not caplog.text
    log.write_text("x" * 7)
    warn_of_late_labels(log, copy)
    assert "changed by 7 bytes since its snapshot" in caplog.text


def test_the_last_round():
    assert last_round([]) == -1
    assert last_round([label(0, round=2), label(1, round=1)]) == 2
