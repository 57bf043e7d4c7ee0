"""MLflow runs of single finished outputs: what live logging missed is filled in, nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.io.arrays import read_table
from prefloop.io.documents import read_json
from prefloop.io.hashing import file_digest, text_id
from prefloop.report.savings import area
from prefloop.tracking.names import assessed_metrics, campaign_spec, comparison_spec, round_metrics, run_spec
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.tracker import Tracker
from prefloop.tracking.view import SIMULATED, Ranges, value_ranges

_FILES = ("run.json", "rounds.parquet", "metrics.parquet", "assessment.parquet", "acquired.parquet")
Rounds = list[tuple[int, dict[str, float]]]


def open_run(tracker: Tracker, about: Mapping[str, Any], ranges: Ranges | None = None) -> RunLogger:
    """Find or create the MLflow run of a run.json, and its parent; show it, and the values in these ranges."""
    tracker.show(about["dataset"], SIMULATED, ranges)
    return tracker.run(run_spec(about, tracker.run(comparison_spec(about)).id))


def track_run(tracker: Tracker, folder: Path) -> RunLogger:
    """Log one finished simulated run, and its parent if that is new; one that was logged before costs nothing.

    Args:
        tracker: the experiment.
        folder: the run's folder.

    Returns:
        Its MLflow run.
    """
    about = read_json(folder / "run.json")
    run = open_run(tracker, about)
    digest = outputs_digest(folder, _FILES)
    if run.holds(digest):
        return run
    rounds = rounds_of(folder)
    tracker.show(about["dataset"], SIMULATED, value_ranges((metrics for _, metrics in rounds), SIMULATED))
    run.log_rounds(rounds)
    log_by_round(run, "acquired", read_table(folder / "acquired.parquet"))
    assessment = read_table(folder / "assessment.parquet").to_pylist()
    run.log_summary(_own_summary(rounds) | assessed_metrics(assessment))
    run.set_tags({"rounds": str(len(rounds)), "budget": str(rounds[-1][0])})
    run.finish(digest)
    return run


def rounds_of(folder: Path) -> Rounds:
    """Labels and metrics after each round of a finished simulated run, from its folder."""
    by_round: dict[int, list[dict[str, Any]]] = {}
    for row in read_table(folder / "metrics.parquet").to_pylist():
        by_round.setdefault(row["round"], []).append(row)
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    return [(row["n_labels"], round_metrics(row, by_round.get(row["round"], []))) for row in rounds]


def outputs_digest(folder: Path, names: Iterable[str]) -> str:
    """Digest of a folder's files, missing ones included, and of the source that logs them."""
    files = [(name, folder / name) for name in names]
    return text_id(
        _own_source(), *(part for name, file in files if file.is_file() for part in (name, file_digest(file)))
    )


@cache
def _own_source() -> str:
    return text_id(*(file.read_text("utf-8") for file in sorted(Path(__file__).parent.glob("*.py"))))


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
    values = round_metrics({}, rows) | undecided
    digest = outputs_digest(metrics.parent, [metrics.name])
    run.once("prefloop.evaluation", digest, lambda: run.log_rounds([(int(state["n_labels"]), values)]))


def track_campaign_batch(tracker: Tracker, about: Mapping[str, Any], policy: str, seed: int, batch: Path) -> None:
    """Keep a campaign's open batch as an artifact; arguments as above, `batch` is its batch.parquet."""
    run = tracker.run(campaign_spec(about, policy, seed))
    digest = outputs_digest(batch.parent, [batch.name])
    run.once("prefloop.batch", digest, lambda: log_by_round(run, "batches", read_table(batch)))


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


def _own_summary(rounds: Rounds) -> dict[str, float]:
    """Areas of one run's own curves, to sort by."""
    result = {}
    for split in ("test", "ood"):
        points = [
            (labels, metrics[name]) for labels, metrics in rounds if (name := f"{split}_log_likelihood") in metrics
        ]
        if points:
            labels, values = np.array(sorted(points)).T
            result[f"{split}_area"] = float(area(values, labels))
    return result
