import csv
import io
import json
import math
from pathlib import Path

import pytest

from prefloop.config.shared import Compare
from prefloop.dpo.report.write import write_comparison
from prefloop.io.arrays import read_table
from prefloop.io.json import read_json
from prefloop.tracking.dpo import DPO, DpoRecorder, round_metrics
from prefloop.tracking.dpo_comparison import DPO_COMPARISON
from prefloop.tracking.tracker import Tracker
from prefloop.tracking.view import VIEW_TAG
from tests.dpo.report.simulate import Kind, about, write_run
from tests.tracking.test_store import CONFIG
from tests.tracking.test_tracker import snapshot

KINDS = {"random": Kind(), "hybrid": Kind(skill=0.2, rule="hybrid"), "offline": Kind(skill=-0.2, rule="offline")}


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    return Tracker(CONFIG, tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    root = tmp_path_factory.mktemp("outputs")
    runs = {
        (policy, seed): write_run(root / policy / str(seed), policy, seed, kind)
        for policy, kind in KINDS.items()
        for seed in range(2)
    }
    config = Compare(reference=["random"], min_seeds=2, worthwhile=0.2, resamples=100, confidence=0.9, seed=0)
    write_comparison(root / "report", runs, config, "simulated")
    return runs, root / "report"


def artifact(tracker, run, path):
    from mlflow.artifacts import load_text

    return load_text(f"{tracker._client.get_run(run.id).info.artifact_uri}/{path}")


def test_tracking_twice_changes_nothing(tracker, outputs):
    runs, report = outputs
    DPO_COMPARISON.track(tracker, report, runs)
    first = snapshot(tracker)
    assert len(first) == 7
    parent = DPO_COMPARISON.track(tracker, report, runs)
    assert snapshot(tracker) == first
    for run, (metrics, params, tags, files) in first.items():
        if run == parent.id:
            tables = {"policies.csv", "curves.csv", "curves_mean.csv"}
            assert files == {"report.md", "comparison.json", "plots", *tables}
            assert "**hybrid**" in tags["mlflow.note.content"]
            assert tags["finding"].startswith(("Worth it", "Not worth it", "Cannot be told"))
            assert {"best_difference", "reference_win_oracle", "reference_kl"} <= set(metrics)
            assert len(metrics) <= 15
            rows = {
                row["policy"]: row
                for row in csv.DictReader(io.StringIO(artifact(tracker, parent, "policies.csv")))
            }
            assert set(rows) == set(KINDS)
            assert rows["offline"]["win_judge_area_difference"] != ""
            assert params["kind"] == "dpo comparison"
            continue
        for name in ("win_oracle", "win_judge", "kl", "length", "distinct_2", "n_ties", "written"):
            assert [step for step, _, _ in metrics[name]] == [0, 16, 32, 48, 64]
        assert [step for step, _, _ in metrics["agreement"]] == [32, 48, 64]
        assert len(metrics["win_oracle_area"]) == len(metrics["win_oracle_equal_kl_difference"]) == 1
        assert files == {"generations", "pairs"}
        assert tags["mlflow.parentRunId"] == parent.id


def test_never_stands_as_nan(tracker, outputs):
    runs, report = outputs
    DPO_COMPARISON.track(tracker, report, runs)
    run = DPO.track_run(tracker, runs["offline", 0])
    assert math.isnan(tracker._client.get_run(run.id).data.metrics["win_oracle_labels_to_target"])


def test_generations_are_read_as_tables_one_a_round(tracker, outputs):
    run = DPO.track_run(tracker, outputs[0]["hybrid", 0])
    for folder, rounds in (("generations", range(5)), ("pairs", range(1, 5))):
        files = [file.path for file in tracker._client.list_artifacts(run.id, folder)]
        assert files == [f"{folder}/round_{number:04d}.csv" for number in rounds]
    rows = list(csv.DictReader(io.StringIO(artifact(tracker, run, "generations/round_0003.csv"))))
    assert len(rows) == 50
    assert list(rows[0]) == ["prompt", "start_completion", "completion", "oracle", "judge"]
    said = read_table(outputs[0]["hybrid", 0] / "evaluation.parquet").slice(3 * 150, 50)
    assert [row["completion"] for row in rows] == said["completion"].to_pylist()
    pairs = list(csv.DictReader(io.StringIO(artifact(tracker, run, "pairs/round_0003.csv"))))
    assert len(pairs) == 16
    assert {"completion_a", "completion_b", "verdict", "certainty"} <= set(pairs[0])


def test_live_rounds_and_a_rebuilt_run_are_the_same(tracker, tmp_path):
    folder = write_run(tmp_path / "run", "live", 0, Kind(), fingerprint="live")
    told = read_json(folder / "run.json")
    tables = {name: read_table(folder / f"{name}.parquet") for name in ("rounds", "evaluation", "pairs")}

    def log(numbers, seconds):
        recorder = DpoRecorder(CONFIG, Path(tracker.uri.removeprefix("sqlite:///")).parent)
        for number in numbers:
            of = {name: table.filter(table["round"].to_numpy() == number) for name, table in tables.items()}
            recorder.round(told, of["rounds"].to_pylist()[0], of["evaluation"], of["pairs"], seconds)

    log([0, 1], 1.5)  # killed, resumed, killed again while a round was logged
    log([1, 2], 2.5)
    run = DPO.track_run(tracker, folder)
    log([4], 3.5)
    history = {
        name: [(p.step, p.value) for p in tracker._client.get_metric_history(run.id, name)]
        for name in ("win_oracle", "seconds")
    }
    assert [step for step, _ in history["win_oracle"]] == [0, 16, 32, 48, 64]
    assert history["seconds"] == [(0, 1.5), (16, 1.5), (32, 2.5), (64, 3.5)]
    assert [value for _, value in history["win_oracle"]] == tables["rounds"]["win_oracle"].to_pylist()
    data = tracker._client.get_run(run.id).data
    assert "system.cpus" in data.tags
    assert data.params["policy.rule"] == "random"
    assert data.params["train.beta"] == "0.2"


def test_a_broken_store_never_stops_a_run(outputs, tmp_path, caplog):
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    folder = outputs[0]["random", 0]
    recorder = DpoRecorder(CONFIG, tmp_path)
    table = read_table(folder / "pairs.parquet")
    recorder.round(read_json(folder / "run.json"), {"n_labels": 16}, table, table, 1.0)
    recorder.run_done(folder)
    assert caplog.text.count("not tracked") == 1


def test_a_longer_run_is_the_same_run_and_belongs_to_the_same_comparison(tracker):
    short, long = (about("random", 0, Kind(), "longer", 16, rounds) for rounds in (4, 8))
    assert DPO.comparison_spec(short) == DPO.comparison_spec(long)
    assert DPO.open_run(tracker, short).id == DPO.open_run(tracker, long).id
    other = about("hybrid", 1, Kind(rule="hybrid"), "f", 16, 4)
    assert DPO.comparison_spec(other) == DPO.comparison_spec(short)
    assert (
        DPO.comparison_spec(about("random", 0, Kind(), "f", 32, 4)).fingerprint
        != DPO.comparison_spec(short).fingerprint
    )


def test_metrics_are_the_numbers_of_the_round():
    facts = {"policy": "x", "seed": 1, "round": 2, "n_labels": 32, "reference": "r0", "agreement": None, "kl": 0.5}
    assert round_metrics(facts) == {"kl": 0.5}


def test_the_prepared_view_shows_win_rates(tracker, outputs):
    DPO.track_run(tracker, outputs[0]["random", 0])
    view = json.loads(tracker._client.get_experiment(tracker.experiment).tags[VIEW_TAG])
    assert "params.kind = 'dpo'" in view["searchFilter"]
    assert "params.dataset = 'simulated'" in view["searchFilter"]
    charts = [chart["metricKey"] for chart in view["compareRunCharts"]]
    assert charts[:3] == ["win_oracle", "win_judge", "kl"]
