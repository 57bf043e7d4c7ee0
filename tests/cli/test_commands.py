"""The smaller commands: what they print, what they return, and that a second time changes nothing."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from mlflow import MlflowClient

import stages.acquire
import stages.evaluate
import stages.labels
import stages.train
from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.config import Params, load_params
from prefloop.config.load import load_whole
from prefloop.dpo.config import DpoParams
from prefloop.io.layout import Layout
from prefloop.labels.log import LabelLog
from tests.cli.conftest import rows, write_params, write_rows
from tests.worlds import ROOT, make_params, make_world, pair_records


@pytest.fixture
def campaign(prefloop, tmp_path):
    """A repository's layout below the current folder, with a first batch that waits for labels."""
    params = make_params()
    make_world(Path("data"), pair_records(), params)
    layout = Layout.repository()
    layout.labels.parent.mkdir()
    layout.labels.touch()
    Path("params.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json")))
    for stage in (stages.labels, stages.train, stages.evaluate, stages.acquire):
        stage.run(params, layout)
    return layout


def test_policies_lists_what_there_is(prefloop):
    shown = json.loads(prefloop("policies", "--params", ROOT / "params.yaml", "--json").out)
    assert set(shown["batch_policies"]) == set(BATCH_POLICIES)
    assert all(text["chooses"] and text["source"] for text in shown["batch_policies"].values())
    assert shown["named_policies"]["bal_pm"]["batch"]["policy"] == "bal_pm"
    table = prefloop("policies", "--params", ROOT / "params.yaml").out
    assert "bal_pm" in table
    assert "random_control" in table


@pytest.mark.parametrize(("preset", "whole"), [("paper", Params), ("dpo_tldr", DpoParams)], ids=["core", "dpo"])
def test_params_writes_every_key_of_a_preset(prefloop, preset, whole):
    path = ROOT / "docs" / "presets" / f"{preset}.yaml"
    printed = prefloop("params", path).out
    assert prefloop("params", path, "--out", "params.yaml").code == 0
    assert Path("params.yaml").read_text() == printed
    assert load_whole(Path("params.yaml"), whole) == load_params(path, whole)


def test_data_check_of_a_good_file(prefloop, data):
    outcome = prefloop("data", "check", data)
    assert outcome.code == 0
    assert "given pairs" in outcome.out
    report = json.loads(prefloop("data", "check", data, "--json").out)
    assert (report["form"], report["counts"]["rows"], report["problems"]) == ("given pairs", 90, [])
    assert len(report["records"]) == 2
    assert (
        json.loads(prefloop("data", "check", data, "--where", "domain=news", "--json").out)["counts"]["rows"] < 90
    )


def test_data_check_reports_all_problems_and_fails(prefloop, tmp_path):
    content = rows(6)
    content[1]["label"], content[4]["completion_a"] = "c", 3
    path = write_rows(tmp_path / "bad.jsonl", content)
    outcome = prefloop("data", "check", path)
    assert outcome.code == 1
    told = " ".join(outcome.out.split())
    assert "row 2, field 'label': got 'c', expected 'a', 'b' or 'tie'" in told
    assert "row 5, field 'completion_a': got 3, expected" in told
    report = json.loads(prefloop("data", "check", path, "--json").out)
    assert (report["counts"]["rows"], [problem["row"] for problem in report["problems"]]) == (6, [2, 5])
    assert prefloop("data", "check", tmp_path / "nowhere.jsonl").code == 1


def test_data_check_takes_columns_and_words_from_its_options(prefloop, tmp_path):
    row = {"task": "Name a fruit.", "left_text": "A pear.", "right_text": "A chair.", "best": 2, "note": "x"}
    path = write_rows(tmp_path / "x.jsonl", [row])
    options = ("--columns", "completion_a=left_text,completion_b=right_text,label=best", "--verdicts", "1=a,2=b")
    report = json.loads(prefloop("data", "check", path, *options, "--json").out)
    assert (report["records"][0]["verdict"], report["columns"]["note"]) == ("b", None)
    assert report["records"][0]["prompt"] == [{"role": "user", "content": "Name a fruit."}]
    assert "the second is better" in prefloop("data", "check", path, *options).out
    assert prefloop("data", "check", path, *options[:2]).code == 1
    assert prefloop("data", "check", path, "--columns", "colour=best").code == 2
    assert prefloop("data", "check", path, "--columns", "preset=nowhere").code == 2
    assert prefloop("data", "check", path, "--columns", "label=best,label=note").code == 2
    assert prefloop("data", "check", path, "--verdicts", "1=a,1=b").code == 2
    assert prefloop("data", "check", path, "--verdicts", "best").code == 2


def test_labels_oracle_answers_the_batch_until_nothing_waits(prefloop, campaign):
    outcome = prefloop("labels", "oracle", "--limit", 2)
    assert (outcome.code, len(LabelLog(campaign.labels).read_on().lines)) == (0, 2)
    assert "round 0: 2 labels appended" in outcome.out
    assert "next: dvc repro" in outcome.out
    assert json.loads(prefloop("labels", "oracle", "--json").out)["labels"] == 4
    before = campaign.labels.read_bytes()
    outcome = prefloop("labels", "oracle")
    assert (outcome.code, outcome.out) == (4, "")
    assert outcome.err == (
        "error: data/campaign/batch.parquet has no unlabelled comparison: run dvc repro for the next batch\n"
    )
    assert campaign.labels.read_bytes() == before


def test_report_shows_a_comparison(prefloop, finished):
    out, _ = finished
    outcome = prefloop("report", "--out", out)
    assert outcome.code == 0
    assert "Cannot be told under the target prompts" in " ".join(outcome.out.split())
    assert json.loads(prefloop("report", "--out", out, "--json").out)["reference"] == "random"


def test_report_without_a_comparison_says_what_makes_one(prefloop):
    outcome = prefloop("report")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "error: data/report/savings.json is missing: run the stage that writes it (dvc repro)\n"
    )


def points(uri):
    client = MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name("prefloop").experiment_id
    return {
        run.info.run_id: {key: len(client.get_metric_history(run.info.run_id, key)) for key in run.data.metrics}
        for run in client.search_runs([experiment])
    }


def test_track_rebuilds_the_runs_and_doubles_nothing(prefloop, finished, bert):
    out, _ = finished
    shutil.copytree(out, "data", ignore=shutil.ignore_patterns(".prefloop"))
    write_params(Path("params.yaml"), bert, tracking__enabled=True)
    outcome = prefloop("track")
    assert outcome.code == 0
    assert outcome.out.startswith("4 runs are in sqlite:///")
    told = json.loads(prefloop("track", "--json").out)
    first = points(told["uri"])
    assert told["runs"] == 4
    assert len(first) == 5
    assert prefloop("track").code == 0
    assert points(told["uri"]) == first
    made = {path.name for path in Path().iterdir()} - {"data", "params.yaml"}
    assert made == {"mlartifacts", "mlflow.db", "mlflow.db.lock"}


def test_track_rebuilds_the_status_of_a_campaign_as_of_now(prefloop, campaign, bert):
    write_params(Path("params.yaml"), bert, tracking__enabled=True)
    for labels in (2, 3):
        assert prefloop("labels", "oracle", "--limit", labels).code == 0
        told = json.loads(prefloop("track", "--json").out)
    assert [run["campaign.labels"] for run in points(told["uri"]).values() if "campaign.labels" in run] == [2]


def test_doctor_finds_what_is_missing(prefloop, params, tmp_path):
    outcome = prefloop("doctor", "--params", params, "--json")
    checks = {check["name"]: check for check in json.loads(outcome.out)}
    assert outcome.code == (0 if all(check["ok"] for check in checks.values()) else 1)
    assert checks["encoder"]["ok"]
    assert checks["training"]["ok"]
    broken = write_params(tmp_path / "p.yaml", "./nowhere")
    outcome = prefloop("doctor", "--params", broken)
    assert outcome.code == 1
    assert "PROBLEM" in outcome.out
    assert "there is no folder ./nowhere" in " ".join(outcome.out.split())
