"""MLflow runs from finished outputs: what live logging missed is filled in, nothing is doubled."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.io.arrays import read_table
from prefloop.io.documents import read_json
from prefloop.report.results import PolicyResult, Savings, read_savings
from prefloop.report.savings import area
from prefloop.report.wording import headline, ordered
from prefloop.tracking.names import campaign_spec, comparison_spec, round_metrics, run_spec
from prefloop.tracking.tracker import RunLogger, Tracker


def track_run(tracker: Tracker, folder: Path) -> RunLogger:
    """Log one finished simulated run, and its parent if that is new.

    Args:
        tracker: the experiment.
        folder: the run's folder.

    Returns:
        Its MLflow run.
    """
    about = read_json(folder / "run.json")
    tracker.show(about["dataset"])
    run = tracker.run(run_spec(about, tracker.run(comparison_spec(about)).id))
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    metrics = read_table(folder / "metrics.parquet").to_pylist()
    by_round: dict[int, list[dict[str, Any]]] = {}
    for row in metrics:
        by_round.setdefault(row["round"], []).append(row)
    run.log_rounds([(row["n_labels"], round_metrics(row, by_round.get(row["round"], []))) for row in rounds])
    _log_batches(run, "acquired", read_table(folder / "acquired.parquet"))
    run.log_summary(_own_summary(metrics))
    run.set_tags({"rounds": str(len(rounds)), "budget": str(rounds[-1]["n_labels"])})
    run.finish()
    return run


def track_comparison(tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> RunLogger:
    """Log a comparison: savings, curves and the report on the parent, each policy's saving on its runs.

    Args:
        tracker: the experiment.
        report: the report's folder.
        runs: folder of each (policy, seed) that was compared.

    Returns:
        The parent run.
    """
    savings = read_savings(report / "savings.json")
    for (policy, _), folder in runs.items():
        run = track_run(tracker, folder)
        if policy in savings.policies:
            run.log_summary(_saving(savings.policies[policy]))
    parent = tracker.run(comparison_spec(read_json(next(iter(runs.values())) / "run.json")))
    for policy, of in savings.policies.items():
        parent.log_summary({f"{policy}_{name}": value for name, value in _saving(of).items()})
    parent.log_files([report / name for name in ("report.md", "savings.json", "curves.csv", "curves_mean.csv")])
    parent.log_files(sorted((report / "plots").glob("*.png")), "plots")
    parent.set_tags({"mlflow.note.content": _note(savings)})
    parent.finish()
    return parent


def track_campaign(
    tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, metrics: Path, batch: Path
) -> RunLogger:
    """Log the state of a campaign: its metrics at the number of labels so far, and the open batch.

    Args:
        tracker: the experiment.
        about: provenance of the campaign's weights.
        policy: the named policy that chooses the batches.
        seed: the campaign's seed.
        metrics: the campaign's metrics.json.
        batch: the campaign's batch.parquet.
    """
    run = tracker.run(campaign_spec(about, policy, seed))
    state = read_json(metrics)
    rows = [{"split": split, **values} for split, values in state.get("splits", {}).items()]
    undecided = {"n_undecided": float(state.get("n_undecided", 0))}
    run.log_rounds([(int(state["n_labels"]), round_metrics({}, rows) | undecided)])
    _log_batches(run, "batches", read_table(batch))
    return run


def track_all(tracker: Tracker, runs: Mapping[tuple[str, int], Path], report: Path) -> int:
    """Rebuild the MLflow runs of all finished outputs that are there.

    Args:
        tracker: the experiment.
        runs: folder of each configured (policy, seed).
        report: the report's folder.

    Returns:
        Number of simulated runs tracked.
    """
    done = {key: folder for key, folder in runs.items() if (folder / "run.json").is_file()}
    if done and len(done) == len(runs) and (report / "savings.json").is_file():
        track_comparison(tracker, report, done)
    else:
        for folder in done.values():
            track_run(tracker, folder)
    return len(done)


def _log_batches(run: RunLogger, folder: str, table: pa.Table) -> None:
    for number in pc.unique(table["round"]).to_pylist():
        run.log_table(f"{folder}/round_{number:04d}.csv", table.filter(pc.equal(table["round"], number)))


def _own_summary(metrics: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Areas of one run's own curves, to sort by."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for row in metrics:
        if row["split"] in ("test", "ood"):
            curves.setdefault(row["split"], []).append((row["n_labels"], row["log_likelihood"]))
    result = {}
    for split, points in curves.items():
        labels, values = np.array(sorted(points)).T
        result[f"{split}_area"] = float(area(values, labels))
    return result


def _saving(of: PolicyResult) -> dict[str, float]:
    """A policy's saving, the same on all its runs; NaN stands for "never"."""
    numbers = {
        "labels_to_target": of.labels_to_target,
        "saved": of.saved,
        "saved_low": of.saved_low,
        "saved_high": of.saved_high,
        "area_difference": of.area.difference,
        "area_difference_low": of.area.low,
        "area_difference_high": of.area.high,
    }
    return {name: math.nan if value is None else value for name, value in numbers.items()}


def _note(savings: Savings) -> str:
    return "".join(f"- {headline(name, savings)}\n" for name in ordered(savings) if name != savings.reference)
