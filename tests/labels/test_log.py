"""The label log: nothing that was paid for is lost, nothing that is wrong is passed over."""

import json
import os
import subprocess
import sys
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import DataError
from prefloop.io.hashing import pair_id, pair_ids
from prefloop.io.json import append_jsonl
from prefloop.io.lock import locked
from prefloop.labels import lines as lines_module
from prefloop.labels import log as log_module
from prefloop.labels.lines import SCHEMA
from prefloop.labels.log import LabelLog
from tests.labels.helpers import content, label
from tests.worlds import ROOT


def read(path):
    return LabelLog(path).read_on().lines


def objects(labels):
    return [label.model_dump() for label in labels]


def rows(path):
    return [{name: row[name] for name in label(0).model_dump()} for row in read(path).to_pylist()]


FULL = {"strength": 0.5, "shown_left": "b", "duration_ms": 3, "cost": 0.1, "tokens": 7, "rubric_version": "1"}


def test_what_is_appended_is_read_in_order(tmp_path):
    path = tmp_path / "labels" / "labels.jsonl"
    first = [label(1), label(2, verdict="tie", **FULL)]
    unanswered = label(3, verdict=None, reason="no letter", calls=2, source="judge:gpt", round=None)
    LabelLog(path).append(first)
    LabelLog(path).append([label(1, verdict="skip", source="judge:gpt"), unanswered])
    assert rows(path) == objects([*first, label(1, verdict="skip", source="judge:gpt"), unanswered])
    assert read(path).schema.equals(SCHEMA)
    assert "null" not in path.read_text()


def test_only_what_is_new_is_read(tmp_path):
    path = tmp_path / "labels.jsonl"
    log, other = LabelLog(path), LabelLog(path)
    assert (len(log.read_on().lines), log.read_on().is_whole) == (0, False)
    for number in range(3):
        other.append([label(number), label(number, verdict="b")])
        news = log.read_on()
        assert news.lines["verdict"].to_pylist() == ["a", "b"]
        assert not news.is_whole
    assert len(log.read_on().lines) == 0
    path.write_bytes(path.read_bytes().replace(b"0002-a", b"0002-0"))
    with pytest.raises(DataError, match="row 5, field 'pair_id'"):
        log.read_on()


@pytest.mark.parametrize("change", [lambda content: b"", lambda content: content[content.index(b"\n") + 1 :] * 2])
def test_a_log_that_was_edited_or_restored_is_read_as_a_whole(tmp_path, change):
    path = tmp_path / "labels.jsonl"
    log = LabelLog(path)
    log.append([label(1), label(2)])
    log.read_on()
    path.write_bytes(change(path.read_bytes()))
    news = log.read_on()
    assert news.is_whole
    assert len(news.lines) == path.read_bytes().count(b"\n")


def test_nobody_waits_while_the_log_is_read(tmp_path, monkeypatch):
    path, further = tmp_path / "labels.jsonl", label(5, verdict="tie")
    LabelLog(path).append([label(1), label(2)])
    reading = log_module.read_lines

    def slow(*arguments):
        with locked(path, timeout=0):
            append_jsonl(path, [further.model_dump(exclude_none=True)])
            with open(path, "ab") as handle:
                handle.write(b'{"half a li')
        return reading(*arguments)

    log = LabelLog(path)
    monkeypatch.setattr(log_module, "read_lines", slow)
    assert log.read_on().lines["verdict"].to_pylist() == ["a", "a"]
    monkeypatch.undo()
    assert log.read_on().lines["verdict"].to_pylist() == ["tie"]


@given(st.integers(0, 12), st.integers(1, 2000), st.data())
def test_a_log_is_read_up_to_the_end_of_any_line(tmp_path_factory, count, block, data):
    path = tmp_path_factory.mktemp("log") / "labels.jsonl"
    LabelLog(path).append(label(number, comment="x" * number) for number in range(count))
    content = path.read_bytes().splitlines(keepends=True)
    stop = data.draw(st.integers(0, count))
    with pytest.MonkeyPatch.context() as patch, open(path, "rb") as handle:
        patch.setattr(lines_module, "_BLOCK", block)
        table, rows = lines_module.read_lines(handle, path, 3, len(b"".join(content[:stop])))
    assert (table["comment"].to_pylist(), rows) == (["x" * number for number in range(stop)], 3 + stop)


APPEND = """
import json, sys
from pathlib import Path
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog
path, value = Path(sys.argv[1]), json.loads(sys.argv[2])
for number in range(25):
    LabelLog(path).append([Label(**value), Label(**value | {"round": number})])
"""


def test_four_processes_at_once_lose_nothing(tmp_path):
    path = tmp_path / "labels.jsonl"
    values = [label(annotator=f"writer{n}").model_dump_json(exclude_none=True) for n in range(4)]
    writers = [subprocess.Popen([sys.executable, "-c", APPEND, str(path), value], cwd=ROOT) for value in values]
    log, seen = LabelLog(path), Counter()
    while any(writer.poll() is None for writer in writers):
        seen.update(log.read_on().lines["annotator"].to_pylist())
    seen.update(log.read_on().lines["annotator"].to_pylist())
    assert [writer.wait() for writer in writers] == [0] * 4
    assert seen == Counter(read(path)["annotator"].to_pylist()) == {f"writer{n}": 50 for n in range(4)}


def test_to_append_reads_nothing_but_the_end(tmp_path, monkeypatch):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(b"no label at all\n" * 1000 + b"\n")
    monkeypatch.setattr(lines_module, "read_lines", None)
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.fstat(handle).st_size))
    LabelLog(path).append([label(0)])
    assert synced == [path.stat().st_size]
    assert json.loads(path.read_bytes().split(b"\n")[-2]) == content(label(0))


BROKEN = [
    ({"verdict": "c"}, "field 'verdict': got 'c', expected 'a', 'b', 'tie', 'both_bad' or 'skip'"),
    ({"verdict": None}, "field 'verdict': missing, expected in every label that has no reason why there is none"),
    ({"verdict": ...}, "field 'verdict': missing, expected in every label that"),
    ({"annotator": ""}, "field 'annotator': got ''"),
    ({"strength": 2}, "field 'strength': got 2"),
    ({"round": -1}, "field 'round': got -1"),
    ({"round": 1.5}, "field 'round': got 1.5"),
    ({"round": ...}, "field 'round': missing, expected in every label of people and of the oracle"),
    ({"timestamp": ...}, "field 'timestamp': missing, expected in every label"),
    ({"timestamp": 2026}, "field 'timestamp': got 2026"),
    ({"shown_left": "c"}, "field 'shown_left': got 'c'"),
    ({"source": "judge:"}, "field 'source': got 'judge:'"),
    ({"source": "me"}, "field 'source': got 'me'"),
    ({"verdct": "a"}, "field 'verdct': got 'a', expected no such field"),
    ({"oracle": "a"}, "field 'oracle': got 'a', expected no such field"),
    ({"cost": float("nan")}, "field 'cost': got nan"),
    ({"cost": float("inf")}, "field 'cost': got inf"),
    ({"cost": -0.1}, "field 'cost': got -0.1"),
    ({"tokens": -1}, "field 'tokens': got -1"),
    ({"tokens": 2**70}, "field 'tokens': got 1180591620717411303424"),
    ({"pair_id": "x"}, "field 'pair_id': got 'x', expected the pair_id of these two"),
    (
        {"completion_a": "0000-b", "completion_b": "0000-a"},
        "field 'completion_a': got '0000-b', expected an id below completion_b",
    ),
]


@pytest.mark.parametrize(("change", "expected"), BROKEN)
def test_a_broken_line_is_named_with_file_row_and_field(tmp_path, change, expected):
    path = tmp_path / "labels.jsonl"
    LabelLog(path).append([label(0)])
    with open(path, "a") as lines:
        lines.write("\n" + json.dumps(content(label(0), **change)) + "\n")
    with pytest.raises(DataError) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path}, row 3, ")
    assert expected in str(caught.value)


@pytest.mark.parametrize("line", [b"{", b"[]", b"null", b"1", b"\xff", b'{"a": "\\ud800"}', b"[" * 9999])
def test_what_is_no_object_is_named(tmp_path, line):
    LabelLog(tmp_path / "x").append([label(0), label(1)])
    with open(tmp_path / "x", "ab") as lines:
        lines.write(line + b"\n")
    with pytest.raises(DataError, match="row 3, field '"):
        read(tmp_path / "x")


def test_a_cut_line_is_set_aside_and_a_whole_one_is_kept(tmp_path, caplog):
    path = tmp_path / "x"
    LabelLog(path).append([label(0), label(1)])
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    LabelLog(path).append([label(2)])
    assert read(path)["pair_id"].to_pylist() == [label(n).pair_id for n in (0, 2)]
    assert "its last line was never finished" in caplog.text
    path.write_bytes(whole[:-1])
    assert read(path)["pair_id"].to_pylist() == [label(n).pair_id for n in (0, 1)]
    assert path.read_bytes() == whole


fields = {
    "verdict": st.sampled_from(["a", "b", "tie", "both_bad", "skip"]),
    "annotator": st.text(st.characters(exclude_categories=["Cs"]), max_size=4).filter(str.strip),
}
optional = {
    "strength": st.none() | st.sampled_from([0, 1, 0.25]), "shown_left": st.sampled_from(["a", "b", None]),
    "duration_ms": st.none() | st.integers(0, 2**60), "cost": st.none() | st.floats(0, 9),
    "reason": st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    "round": st.sampled_from([0, "1", 2.0]),
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.fixed_dictionaries(fields, optional=optional)), max_size=8))
def test_in_bulk_or_one_by_one_the_same_is_read(values):
    labels = [content(label(number)) | changes for number, changes in values]
    block = [json.dumps(value).encode() + b"\n" for value in labels] + [b"\n"]
    slow = lines_module._one_by_one(block, None, 0).to_pylist()
    try:
        fast = lines_module._plain(block).to_pylist()
    except lines_module._WrongBlock:
        assert any(type(value["round"]) is not int for value in labels)
    else:
        assert fast == slow
    assert [row["annotator"] for row in slow] == [value["annotator"] for value in labels]


def test_pair_ids_in_bulk():
    first, second = ["a", "z\n", "\ud800", "0" * 32], ["b", "ü", "\ud801", "1" * 32]
    assert pair_ids(first, second) == [pair_id(*sorted(pair)) for pair in zip(first, second, strict=True)]
