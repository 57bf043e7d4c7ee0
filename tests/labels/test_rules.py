"""The rules that docs/label-log.md gives for the lines of a label log, each broken and each kept."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.errors import DataError
from prefloop.labels.log import LabelLog
from tests.labels.helpers import content, label
from tests.worlds import ROOT

GOOD_TIMES = (
    "2026-11-25T09:56:05+00:00",
    "2026-11-25T09:56:05Z",
    "2026-11-25 09:56:05.123456+05:30",
    "2024-02-29T23:59Z",
    "20261125T095605Z",
    "2026-W48-3T09:56:05-03:00",
)
BAD_TIMES = (
    "2026-11-25T09:56:05",
    "yesterday noon",
    "2026-11-25",
    "2023-02-29T10:00:00Z",
    "2026-13-01T10:00:00Z",
    "2026-11-25T24:30:00Z",
    "25.11.2026 09:56 +00:00",
    "1764064565",
    " 2026-11-25T09:56:05Z",
    "2026-11-25x09:56:05Z",
    "0000-11-25T09:56:05Z",
    "",
)


def written(path: Path, *values: dict) -> LabelLog:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return LabelLog(path)


@pytest.mark.parametrize("time", GOOD_TIMES)
def test_a_time_with_a_zone_is_read(tmp_path, time):
    lines = written(tmp_path / "l.jsonl", content(label()), content(label(1), timestamp=time)).read_on().lines
    assert lines["timestamp"].to_pylist()[1] == time


@pytest.mark.parametrize("time", BAD_TIMES)
def test_a_time_without_a_zone_or_that_is_none_is_named(tmp_path, time):
    log = written(tmp_path / "l.jsonl", content(label()), content(label(1), timestamp=time))
    with pytest.raises(DataError, match=r"row 2, field 'timestamp': got .*expected a time in ISO 8601 with zone"):
        log.read_on()


@given(st.datetimes(timezones=st.timezones()))
def test_what_python_writes_with_a_zone_is_a_time(moment: datetime):
    text = moment.isoformat()
    assert label(timestamp=text).timestamp == text


WRONG = {
    "annotator": {"annotator": "  "},
    "strength": {"strength": 1.5},
    "verdict": {"verdict": "A"},
    "source": {"source": "data:"},
    "round": {"source": "oracle", "round": ...},
    "shown_left": {"shown_left": "left"},
    "pair_id": {"pair_id": "0" * 32},
    "cost": {"cost": -0.5},
    "tokens": {"tokens": True},
}


@pytest.mark.parametrize("field", WRONG)
def test_every_further_rule_names_its_row_and_field(tmp_path, field):
    log = written(tmp_path / "l.jsonl", content(label()), content(label(1), **WRONG[field]))
    with pytest.raises(DataError, match=rf"row 2, field '{field}'"):
        log.read_on()


def test_a_label_of_the_data_has_its_own_strength_and_no_round(tmp_path):
    of_data = content(label(1), source="data:pairs.jsonl", strength=3.0, round=...)
    lines = written(tmp_path / "l.jsonl", content(label()), of_data).read_on().lines
    assert lines["strength"].to_pylist() == [None, 3.0]


def test_two_prompts_of_one_pair_are_named(tmp_path):
    log = written(tmp_path / "l.jsonl", content(label()), content(label(1)), content(label(), prompt_id="q"))
    with pytest.raises(DataError, match="row 3, field 'prompt_id': got 'q', expected p"):
        log.read_on()


def test_a_field_that_stands_twice_is_named(tmp_path):
    path = tmp_path / "l.jsonl"
    line = json.dumps(content(label()))
    path.write_text(line + "\n" + line[:-1] + ', "verdict": "b"}\n')
    with pytest.raises(DataError, match=r"row 2, .*the key 'verdict' twice"):
        LabelLog(path).read_on()


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "init.defaultBranch=trunk")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def two_branches(folder: Path) -> LabelLog:
    """A log to which two branches have appended, merged by git."""
    log = folder / "data" / "labels" / "labels.jsonl"
    git(folder, "init")
    LabelLog(log).append([label(0)])
    git(folder, "add", ".")
    git(folder, "commit", "-m", "one")
    git(folder, "checkout", "-b", "side")
    LabelLog(log).append([label(1), label(2)])
    git(folder, "commit", "-am", "side")
    git(folder, "checkout", "trunk")
    LabelLog(log).append([label(3)])
    git(folder, "commit", "-am", "trunk")
    git(folder, "merge", "side", "-m", "both")
    return LabelLog(log)


def test_two_branches_that_append_merge_by_themselves(tmp_path):
    shutil.copy(ROOT / ".gitattributes", tmp_path)
    lines = two_branches(tmp_path).read_on().lines
    assert sorted(lines["pair_id"].to_pylist()) == sorted(label(number).pair_id for number in range(4))


def test_the_markers_of_a_conflict_get_their_own_message(tmp_path):
    log = two_branches(tmp_path)
    with pytest.raises(DataError, match=r"row 2: a conflict marker of git \(<<<<<<<\).*merge=union"):
        log.read_on()
