"""Annotators by the command line."""

from __future__ import annotations

import json
import shutil
import stat
from pathlib import Path

from prefloop.desk.people import People
from tests.worlds import ROOT


def test_annotators_are_made_listed_and_removed(prefloop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    elsewhere = prefloop("labels", "annotator", "add", "ann")
    assert (elsewhere.code, "in the folder of a campaign" in elsewhere.err) == (2, True)
    assert not Path(".prefloop").exists()
    shutil.copyfile(ROOT / "params.yaml", "params.yaml")
    token = prefloop("labels", "annotator", "add", "ann").out.strip()
    admin = json.loads(prefloop("labels", "annotator", "add", "lea", "--admin", "--json").out)
    path = Path(".prefloop/annotators.json")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    people = People(path)
    assert (people.who(token).name, people.who(admin["token"]).role) == ("ann", "admin")
    listed = json.loads(prefloop("labels", "annotator", "list", "--json").out)
    assert listed == [{"name": "ann", "role": "annotator"}, {"name": "lea", "role": "admin"}]
    assert "lea" in prefloop("labels", "annotator", "list").out
    again = prefloop("labels", "annotator", "add", "ann")
    assert (again.code, "there is one of this name" in again.err) == (2, True)
    assert prefloop("labels", "annotator", "remove", "ann").code == 0
    assert people.who(token) is None


def test_serving_says_what_it_needs(prefloop, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ann = ("--annotator", "ann:a-token-of-more-than-22-letters")
    without_batch = prefloop("labels", "serve", "--params", str(ROOT / "params.yaml"), *ann)
    assert (without_batch.code, "batch.parquet is missing" in without_batch.err) == (1, True)
    weak = prefloop("labels", "serve", "--params", str(ROOT / "params.yaml"), "--annotator", "ann:hunter2")
    assert weak.code == 2
    assert "hunter2" not in weak.err
