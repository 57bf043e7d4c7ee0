import csv
import io
import json
import math
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from mlflow.artifacts import load_text

from prefloop.campaign.issued import ISSUED
from prefloop.config.shared import Compare
from prefloop.io.arrays import write_table
from prefloop.io.json import read_json, write_json
from prefloop.report.amounts import plain
from prefloop.report.comparison import DataFacts
from prefloop.report.judged import judge_runs
from prefloop.report.results import read_savings
from prefloop.report.runs import load_runs, score_split
from prefloop.report.write import write_report
from prefloop.tracking.campaign import (
    campaign_spec,
    track_campaign_batches,
    track_campaign_metrics,
    track_campaign_status,
)
from prefloop.tracking.savings import SAVINGS
from prefloop.tracking.simulated import SIMULATED, RunRecorder, rounds_of
from prefloop.tracking.store import open_client
from prefloop.tracking.tracker import CURRENT, RunSpec, Tracker
from prefloop.tracking.view import VIEW_TAG
from tests.report.simulate import evaluated, judgeable, make_world, write_run
from tests.tracking.test_store import CONFIG

ROUNDS, BATCH = 4, 10


@pytest.fixture(scope="module")
def tracker(tmp_path_factory):
    return Tracker(CONFIG, tmp_path_factory.mktemp("store"))


def again(tracker):
    """The same store as another process opens it: nothing of it is known."""
    return Tracker(CONFIG, Path(tracker.uri.removeprefix("sqlite:///")).parent)


def recorder_of(tracker):
    return RunRecorder(CONFIG, Path(tracker.uri.removeprefix("sqlite:///")).parent)


@pytest.fixture(scope="module")
def world():
    return make_world(prompts=12)


@pytest.fixture(scope="module")
def outputs(world, tmp_path_factory):
    root = tmp_path_factory.mktemp("outputs")
    runs = {
        (policy, seed): write_run(
            root / policy / str(seed), world, policy, seed, speed, rounds=ROUNDS, batch=BATCH
        )
        for policy, speed in (("random", 1.0), ("bald", 0.1), ("bal_pm", 3.0))
        for seed in range(2)
    }
    loaded = load_runs(runs)
    scores = {split: score_split(loaded, evaluated(world, split, loaded.seeds)) for split in world.sets}
    config = Compare(reference=["random"], min_seeds=2, worthwhile=0.2, resamples=100, confidence=0.9, seed=0)
    judged = judge_runs(loaded, judgeable(world, loaded.seeds))
    facts = DataFacts("simulated", "pairs", {}, None, frozenset(), frozenset(), ())
    write_report(root / "report", loaded, scores, judged, config, facts)
    return runs, root / "report"


def snapshot(tracker):
    """Every run's points, parameters and artifacts, by run id, through MLflow's API."""
    client = tracker._client
    runs = client.search_runs([tracker.experiment], max_results=1000)
    return {
        run.info.run_id: (
            {
                key: [(p.step, p.value, p.timestamp) for p in client.get_metric_history(run.info.run_id, key)]
                for key in run.data.metrics
                if not math.isnan(run.data.metrics[key])
            },
            run.data.params,
            run.data.tags,
            {file.path for file in client.list_artifacts(run.info.run_id)},
        )
        for run in runs
    }


def named(tracker, name):
    return tracker._client.search_runs([tracker.experiment], f"attributes.run_name = '{name}'")


def test_tracking_twice_changes_nothing(tracker, outputs):
    runs, report = outputs
    assert SAVINGS.track_all(tracker, report, runs) == 6
    first = snapshot(tracker)
    assert len(first) == 7
    for opened in (tracker, again(tracker)):
        assert SAVINGS.track_all(opened, report, runs) == 6
        assert snapshot(tracker) == first
    for metrics, params, tags, files in first.values():
        if params["kind"] == "comparison":
            tables = {"curves.csv", "curves_mean.csv", "downstream.csv"}
            assert files == {"report.md", "savings.json", "policies.csv", "plots", *tables}
            assert "bal_pm" in tags["mlflow.note.content"]
            continue
        assert [step for step, _, _ in metrics["test_log_likelihood"]] == [10, 20, 30, 40]
        assert len(metrics["ood_accuracy"]) == ROUNDS
        assert len(metrics["test_area"]) == len(metrics["retrained_test_accuracy"]) == 1
        assert [step for step, _, _ in metrics["annotation_calls"]] == [10, 20, 30, 40]
        assert files == {"acquired"}
        assert tags["mlflow.parentRunId"] in first


def test_acquired_batches_are_tables_one_a_round(tracker, outputs):
    run = SIMULATED.track_run(tracker, outputs[0]["bal_pm", 0])
    files = [file.path for file in tracker._client.list_artifacts(run.id, "acquired")]
    assert files == [f"acquired/round_{number:04d}.csv" for number in range(ROUNDS)]


def test_a_resumed_run_continues_where_it_was(tracker, world, tmp_path):
    folder = write_run(tmp_path / "run", world, "resumed", 0, 1.0, rounds=ROUNDS, batch=BATCH, fingerprint="r")
    about = read_json(folder / "run.json")
    for labels in (10, 20):  # killed between two rounds, begun again, and again
        rows = [{"split": "test", "log_likelihood": -0.7}]
        recorder_of(tracker).round(about, {"n_labels": labels}, rows, 1.5)
    recorder_of(tracker).run_done(folder)
    rows = [{"split": "test", "log_likelihood": -0.9}]
    recorder_of(tracker).round(about, {"n_labels": 20}, rows, 1.5)
    (run,) = named(tracker, "resumed-0")
    history = tracker._client.get_metric_history(run.info.run_id, "test_log_likelihood")
    assert [(point.step) for point in history] == [10, 20, 30, 40]
    assert history[1].value == -0.7
    assert len(tracker._client.get_metric_history(run.info.run_id, "seconds")) == 2
    assert run.info.status == "RUNNING"
    assert "system.cpus" in run.data.tags


def test_changed_parameters_make_a_new_run_and_mark_the_old(tracker, outputs, tmp_path):
    about = read_json(outputs[0]["bald", 1] / "run.json")
    old = tracker.run(SIMULATED.run_spec(about, None))
    new = tracker.run(SIMULATED.run_spec({**about, "fingerprint": "other"}, None))
    assert old.id != new.id

    def current(run):
        return tracker._client.get_run(run.id).data.tags[CURRENT]

    assert (current(old), current(new)) == ("false", "true")
    assert tracker.run(SIMULATED.run_spec(about, None)).id == old.id
    assert (current(old), current(new)) == ("true", "false")


def test_a_summary_is_a_new_point_only_when_it_changed(tracker):
    run = tracker.run(RunSpec("summary", "f", "summary"))
    for value in (0.3, 0.3, math.nan, math.nan, 0.4):
        tracker.run(RunSpec("summary", "f", "summary")).log_summary({"saved": value})
    history = tracker._client.get_metric_history(run.id, "saved")
    assert [point.step for point in history] == [0, 1, 2]
    assert history[2].value == 0.4


def test_what_is_logged_already_costs_no_history_and_one_client(tracker, outputs, monkeypatch):
    import mlflow

    runs, report = outputs
    SAVINGS.track_all(tracker, report, runs)
    calls = Counter()

    class Counting(mlflow.MlflowClient):
        def __init__(self, *given, **named):
            calls["clients"] += 1
            super().__init__(*given, **named)

        def __getattribute__(self, name):
            calls[name] += 1
            return super().__getattribute__(name)

    monkeypatch.setattr(mlflow, "MlflowClient", Counting)
    open_client.cache_clear()
    try:
        opened = [again(tracker), again(tracker)]
        assert isinstance(opened[0]._client, Counting)
        for of in opened:
            assert SAVINGS.track_all(of, report, runs) == 6
    finally:
        open_client.cache_clear()
    assert calls["clients"] == 1
    assert calls["search_runs"] == 2 * 7
    for name in ("get_metric_history", "log_batch", "log_artifact", "log_text", "list_artifacts", "set_tag"):
        assert calls[name] == 0, name


def test_a_run_that_was_left_unfinished_is_filled_in_although_its_outputs_are_the_same(tracker, outputs):
    folder = outputs[0]["random", 1]
    about = read_json(folder / "run.json")
    run = SIMULATED.track_run(again(tracker), folder)
    recorder_of(tracker).round(about, {"n_labels": 10}, [{"split": "test", "log_likelihood": -9.0}], 2.5)
    assert tracker._client.get_run(run.id).info.status == "RUNNING"
    SIMULATED.track_run(again(tracker), folder)
    assert tracker._client.get_run(run.id).info.status == "FINISHED"
    history = tracker._client.get_metric_history(run.id, "test_log_likelihood")
    assert len(history) == ROUNDS
    assert history[0].value != -9.0


def test_outputs_that_changed_are_logged(tracker, world, tmp_path):
    folder = write_run(tmp_path / "run", world, "grown", 0, 1.0, rounds=2, batch=BATCH, fingerprint="g")
    SIMULATED.track_run(again(tracker), folder)
    write_run(folder, world, "grown", 0, 1.0, rounds=ROUNDS, batch=BATCH, fingerprint="g")
    run = SIMULATED.track_run(again(tracker), folder)
    history = tracker._client.get_metric_history(run.id, "test_log_likelihood")
    assert [point.step for point in history] == [10, 20, 30, 40]
    assert len(tracker._client.get_metric_history(run.id, "test_area")) == 2


def test_the_comparison_has_few_metrics_and_a_table_of_the_rest(tracker, outputs):
    runs, report = outputs
    parent = SAVINGS.track(tracker, report, runs)
    data = tracker._client.get_run(parent.id).data
    savings = read_savings(report / "savings.json")
    assert len(data.metrics) <= 15
    assert data.metrics["policies"] == 3
    assert data.metrics["seeds"] == 2
    assert data.metrics["best_difference"] == savings.policies["bal_pm"].area.difference
    assert data.metrics["reference_test_log_likelihood"] == savings.target
    assert data.tags["best_policy"] == "bal_pm"
    assert savings.finding is not None
    # The report's first sentence, without its marks.
    first = (report / "report.md").read_text().splitlines()[2]
    assert data.tags["finding"] == plain(first) == plain(savings.finding.sentence)
    assert data.tags["mlflow.note.content"].startswith(first)
    text = load_text(f"{tracker._client.get_run(parent.id).info.artifact_uri}/policies.csv")
    rows = {row["policy"]: row for row in csv.DictReader(io.StringIO(text))}
    assert list(rows) == list(savings.policies)
    child = tracker._client.get_run(SIMULATED.track_run(tracker, runs["bal_pm", 0]).id).data.metrics
    for name in ("saved", "area_difference_low", "retrained_test_accuracy_saved", "proxy_test_score_difference"):
        # Two seeds can tell nothing of a saving: no number in the table, NaN in the metric.
        assert rows["bal_pm"][name] == ("" if child[name] != child[name] else str(child[name]))


def test_each_chart_is_in_the_range_of_its_own_runs(tracker, outputs):
    SAVINGS.track_all(tracker, outputs[1], outputs[0])
    view = json.loads(tracker._client.get_experiment(tracker.experiment).tags[VIEW_TAG])
    values = [metrics for folder in outputs[0].values() for _, metrics in rounds_of(folder)]
    for chart in view["compareRunCharts"]:
        points = [metrics[chart["metricKey"]] for metrics in values if chart["metricKey"] in metrics]
        if len(set(points)) < 2:
            assert chart["range"] == {}
            continue
        low, high, width = min(points), max(points), max(points) - min(points)
        assert low - 0.1 * width < chart["range"]["yMin"] < low
        assert high < chart["range"]["yMax"] < high + 0.1 * width
    assert view["compareRunCharts"][0]["range"]


def test_the_prepared_view_names_the_dataset(tracker, outputs):
    SIMULATED.track_run(tracker, outputs[0]["random", 0])
    view = json.loads(tracker._client.get_experiment(tracker.experiment).tags[VIEW_TAG])
    assert "params.dataset = 'simulated'" in view["searchFilter"]
    assert view["groupBy"]["groupByKeys"] == [{"mode": "tag", "groupByData": "policy"}]


def test_a_campaign_is_one_run_that_grows(tracker, outputs, tmp_path):
    about = {"dataset": "mine", "encoder": {"model": "m"}, "parameters": {"campaign": {"policy": "bal_pm"}}}
    rows = [{"round": round_, "order": 0, "member_logits": [0.5], "n_labels": 64 * round_} for round_ in range(2)]
    for number, (labels, ruled) in enumerate(((64, 0), (64, 0), (64, 1), (128, 1))):
        state = {
            "n_labels": labels,
            "n_words": 2 * labels + ruled,
            "n_undecided": 1,
            "splits": {"test": {"log_likelihood": -0.6}},
        }
        write_json(tmp_path / "metrics.json", state)
        track_campaign_metrics(tracker, about, "bal_pm", 0, tmp_path / "metrics.json")
        write_table(tmp_path / "issued.parquet", pa.Table.from_pylist(rows[: 1 + number // 3], ISSUED))
        track_campaign_batches(tracker, about, "bal_pm", 0, tmp_path / "issued.parquet")
        track_campaign_status(tracker, about, "bal_pm", 0, a_status(labels, ruled, money=float(number)))
        # Between rounds nothing runs, whether or not there was anything new.
        stored = again(tracker).run(campaign_spec(about, "bal_pm", 0))
        assert tracker._client.get_run(stored.id).info.status == "FINISHED"
    run = tracker.run(campaign_spec(about, "bal_pm", 0))
    history = tracker._client.get_metric_history(run.id, "test_log_likelihood")
    assert [point.step for point in history] == [128, 129, 257]
    ended = tracker._client.get_run(run.id).info
    assert ended.end_time >= ended.start_time
    files = [file.path for file in tracker._client.list_artifacts(run.id, "batches")]
    assert files == ["batches/round_0000.csv", "batches/round_0001.csv"]
    spent = tracker._client.get_metric_history(run.id, "campaign.spend.money")
    # What stands at a number of votes and rulings stays.
    assert [(point.step, point.value) for point in spent] == [(128, 0.0), (129, 2.0), (257, 3.0)]
    logged = {name for name in tracker._client.get_run(run.id).data.metrics if name.startswith("campaign.")}
    names = {
        "labels",
        "pairs.labelled",
        "pairs.ruled",
        "spend.money",
        "agreement.all.alpha",
        "score.value",
        "gain.labels.value",
    }
    intervals = {"agreement.all.alpha_interval.low", "agreement.all.alpha_interval.high"}
    assert logged == {f"campaign.{name}" for name in names | intervals}


def test_the_view_is_a_campaigns_where_nothing_was_compared(tmp_path, outputs):
    fresh, about = Tracker(CONFIG, tmp_path), {"dataset": "mine", "parameters": {}}

    def shown(after):
        track_campaign_status(again(after), about, "thinned", 0, a_status(64, 0, money=1.0))
        return json.loads(after._client.get_experiment(after.experiment).tags[VIEW_TAG])

    view = shown(fresh)
    assert "params.kind = 'campaign'" in view["searchFilter"]
    assert view["compareRunCharts"][0]["metricKey"] == "campaign.score.value"
    SIMULATED.track_run(fresh, outputs[0]["random", 0])
    assert "params.kind = 'run'" in shown(fresh)["searchFilter"]


def a_status(labelled, ruled, money):
    """Part of a campaign's status, with all that a number may be."""
    everyone = {"alpha": 0.4, "alpha_interval": (0.3, 0.5), "raw": None}
    return {
        "now": "2024-01-01T00:00:00+00:00",
        "labels": 2 * labelled,
        "pairs": {"labelled": labelled, "ruled": ruled},
        "spend": {"money": money, "currency": "USD", "by_source": {"data:a,b.csv": {"money": 1.0}}},
        "agreement": {"all": everyone},
        "score": {"value": -0.6},
        "gain": {"labels": {"value": math.inf if labelled < 128 else 0.01}, "is_worth": True},
        "annotators": [{"labels": 3}],
    }
