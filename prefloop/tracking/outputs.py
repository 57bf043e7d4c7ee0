"""MLflow runs of single finished outputs: what live logging missed is filled in, nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.io.arrays import read_table
from prefloop.io.documents import read_json
from prefloop.report.savings import area
from prefloop.tracking.names import assessed_metrics, campaign_spec, comparison_spec, round_metrics, run_spec
from prefloop.tracking.tracker import RunLogger, Tracker


def open_run(tracker: Tracker, about: Mapping[str, Any]) -> RunLogger:
    """Find or create the MLflow run of a run.json, and its parent."""
    tracker.show(about["dataset"])
    return tracker.run(run_spec(about, tracker.run(comparison_spec(about)).id))


def track_run(tracker: Tracker, folder: Path) -> RunLogger:
    """Log one finished simulated run, and its parent if that is new.

    Args:
        tracker: the experiment.
        folder: the run's folder.

    Returns:
        Its MLflow run.
    """
    run = open_run(tracker, read_json(folder / "run.json"))
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    metrics = read_table(folder / "metrics.parquet").to_pylist()
    by_round: dict[int, list[dict[str, Any]]] = {}
    for row in metrics:
        by_round.setdefault(row["round"], []).append(row)
    run.log_rounds([(row["n_labels"], round_metrics(row, by_round.get(row["round"], []))) for row in rounds])
    log_by_round(run, "acquired", read_table(folder / "acquired.parquet"))
    assessment = read_table(folder / "assessment.parquet").to_pylist()
    run.log_summary(_own_summary(metrics) | assessed_metrics(assessment))
    run.set_tags({"rounds": str(len(rounds)), "budget": str(rounds[-1]["n_labels"])})
    run.finish()
    return run


def track_campaign_metrics(
    tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, metrics: Path
) -> None:
    """Log a campaign's metrics at the number of labels so far.

    Args:
        tracker: the experiment.
        about: provenance of the campaign's weights.
        policy: the named policy that chooses the batches.
        seed: the campaign's seed.
        metrics: the campaign's metrics.json.
    """
    state = read_json(metrics)
    rows = [{"split": split, **values} for split, values in state.get("splits", {}).items()]
    undecided = {"n_undecided": float(state.get("n_undecided", 0))}
    run = tracker.run(campaign_spec(about, policy, seed))
    run.log_rounds([(int(state["n_labels"]), round_metrics({}, rows) | undecided)])


def track_campaign_batch(tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, batch: Path) -> None:
    """Keep a campaign's open batch as an artifact; arguments as above, `batch` is its batch.parquet."""
    log_by_round(tracker.run(campaign_spec(about, policy, seed)), "batches", read_table(batch))


def log_by_round(
    run: RunLogger,
    folder: str,
    table: pa.Table,
    columns: Sequence[str] | None = None,
    at_most: int | None = None,
) -> None:
    """Keep a table's rows as artifacts, one a round, for instance `acquired/round_0003.csv`.

    Args:
        run: where to.
        folder: folder of the artifacts.
        table: with a column `round`.
        columns: what to keep, None = all.
        at_most: rows of each artifact, None = all.
    """
    for number in pc.unique(table["round"]).to_pylist():
        rows = table.filter(pc.equal(table["round"], number)).select(columns or table.column_names)
        run.log_table(f"{folder}/round_{number:04d}.csv", rows.slice(0, at_most))


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
