"""`prefloop init` and `prefloop campaign renew`: what is said, and what is refused before anything is written."""

from __future__ import annotations

import json
import os

import pytest

from tests.cli.conftest import rows, write_rows


@pytest.fixture
def data(tmp_path):
    return write_rows(tmp_path / "pairs.jsonl", [{**row, "label": None} for row in rows(80, 60)])


def test_a_folder_that_is_ready_to_run(tmp_path, data, prefloop):
    outcome = prefloop("init", tmp_path / "c", "--data", data, "--initial", "20", "--json")
    assert outcome.code == 0
    said = json.loads(outcome.out)
    assert said["data"] == {"comparisons": 80, "prompts": said["data"]["prompts"], "answers": False}
    assert (said["parameters"]["campaign.initial"], said["parameters"]["campaign.batch"]) == (20, 10)
    assert prefloop("params", tmp_path / "c" / "params.yaml").code == 0


def test_what_was_understood_is_said_to_people(tmp_path, prefloop):
    data = write_rows(tmp_path / "pairs.jsonl", rows(80, 60))
    outcome = prefloop("init", tmp_path / "c", "--data", data)
    assert "labels stand in the data: 25% of the prompts are kept for the test split" in outcome.out
    assert "cd " in outcome.out
    assert "campaign run" in outcome.out
    assert "put files into" in prefloop("init", tmp_path / "d").out


def test_columns_and_words_are_kept(tmp_path, prefloop):
    odd = [
        {"task": r["prompt"], "one": r["completion_a"], "two": r["completion_b"], "w": "1"} for r in rows(80, 60)
    ]
    data = write_rows(tmp_path / "odd.jsonl", odd)
    columns = "prompt=task,completion_a=one,completion_b=two,label=w"
    outcome = prefloop("init", tmp_path / "c", "--data", data, "--columns", columns, "--verdicts", "1=a", "--json")
    assert json.loads(outcome.out)["data"]["answers"]
    assert '"1": a' in (tmp_path / "c" / "params.yaml").read_text().replace("'1'", '"1"')


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "is no file"),
        ('{"prompt": "p", "completion_a": "x"}\n', "completion_b"),
        ("not rows at all", "prefloop data check"),
    ],
)
def test_data_that_cannot_be_used_are_refused_before_anything_is_written(tmp_path, prefloop, content, says):
    data = tmp_path / "pairs.jsonl"
    if content is not None:
        data.write_text(content)
    before = os.listdir(tmp_path)
    outcome = prefloop("init", tmp_path / "c", "--data", data)
    assert (outcome.code, outcome.out) == (1, "")
    assert says in outcome.err
    assert os.listdir(tmp_path) == before


def test_a_folder_that_is_not_empty_is_refused_first(tmp_path, data, prefloop):
    outcome = prefloop("init", tmp_path, "--data", data)
    assert (outcome.code, outcome.out) == (2, "")
    assert "is not empty (it has here)" in outcome.err


def test_a_folder_within_the_data_is_refused_before_anything_is_written(tmp_path, data, prefloop, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("c", "here/c"):
        outcome = prefloop("init", folder, "--data", ".")
        assert (outcome.code, outcome.out) == (2, "")
        assert f"{folder} lies within the data, .: give a folder beside it" in outcome.err
    assert sorted(os.listdir(tmp_path)) == ["here", "pairs.jsonl"]
    assert not os.listdir(tmp_path / "here")


def test_renew_says_what_changed(tmp_path, data, prefloop, monkeypatch):
    assert prefloop("init", tmp_path / "c", "--data", data).code == 0
    monkeypatch.chdir(tmp_path)
    assert prefloop("campaign", "renew").code == 2
    monkeypatch.chdir(tmp_path / "c")
    assert prefloop("campaign", "renew").out == "everything is up to date\n"
    copy = (tmp_path / "c" / "versions.yaml").read_text()
    (tmp_path / "c" / "versions.yaml").write_text(copy.replace("labels: ", "labels: 1"))
    assert prefloop("campaign", "renew").out == "renewed: labels, versions.yaml; next: dvc repro\n"
    assert (tmp_path / "c" / "versions.yaml").read_text() == copy
