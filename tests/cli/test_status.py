"""`prefloop status` in a folder without labels, with one, and with a curve."""

from __future__ import annotations

import json

import pytest

from prefloop.io.arrays import write_table
from prefloop.io.layout import Layout
from prefloop.labels.comparison import Comparison
from prefloop.labels.log import LabelLog
from tests.campaign.test_status import campaign
from tests.cli.conftest import write_params, write_rows
from tests.labels.helpers import label


@pytest.fixture
def folder(prefloop, tmp_path):
    write_params(tmp_path / "here" / "params.yaml", "none")
    return Layout.repository()


def test_before_any_label(prefloop, folder):
    told = prefloop("status", "--png", "curve.png")
    assert told.code == 0
    assert "Too early to tell: go on." in told.out
    assert "data/prepared is missing: no round was made yet" in told.err
    folder.prepared.mkdir(parents=True)
    assert "is missing" not in prefloop("status").err
    assert (folder.data.parent / "curve.png").read_bytes().startswith(b"\x89PNG")


def test_one_label(prefloop, folder):
    LabelLog(folder.labels).append([label(0, annotator="[bold]x")])
    told = prefloop("status")
    assert "1 (1 a, 0 b, 0 tie, 0 both bad, 0 skip)" in told.out
    assert "[bold]x" in told.out
    assert json.loads(prefloop("status", "--json").out)["pairs"]["labelled"] == 1


def test_a_curve(prefloop, folder):
    issued, labels = campaign()
    write_table(folder.issued, issued)
    LabelLog(folder.labels).append(labels)
    told = prefloop("status", "--png", "curve.png")
    assert "●" in told.out
    assert "95 labelled pairs" in told.out
    assert "100 further labels add" in told.out
    assert (folder.data.parent / "curve.png").stat().st_size > 10_000


def test_gold_items_are_compared_with_their_answers(prefloop, tmp_path):
    here = tmp_path / "here"
    row = {"prompt": "q", "completion_a": "good", "completion_b": "bad", "label": "a"}
    gold = write_rows(here / "gold.jsonl", [row])
    write_params(here / "params.yaml", "none", page__gold=str(gold))

    asked = Comparison("q", "good", "bad")
    lower, higher = sorted(asked.ids)
    right = "a" if asked.ids[0] == lower else "b"
    wrong = {"a": "b", "b": "a"}[right]
    ids = {"pair_id": asked.pair, "prompt_id": asked.prompt_id, "completion_a": lower, "completion_b": higher}
    words = [("x", right), ("y", wrong)]
    LabelLog(Layout.repository().labels).append(
        [label(0, **ids, annotator=name, verdict=word, purpose="gold") for name, word in words]
        + [label(1, annotator=name) for name, _ in words]
    )
    rows = {row["annotator"]: row for row in json.loads(prefloop("status", "--json").out)["annotators"]}
    assert {name: row["correct"] for name, row in rows.items()} == {"x": 1.0, "y": 0.0}


def test_a_damaged_log_is_told(prefloop, folder):
    folder.labels.parent.mkdir(parents=True)
    folder.labels.write_text("{}\n")
    told = prefloop("status")
    assert told.code == 1
    assert "row 1" in told.err
