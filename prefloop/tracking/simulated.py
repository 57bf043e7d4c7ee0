"""MLflow runs of the core's simulated runs: what they are called and measured by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.evaluation.metrics import DOWNSTREAM, METRICS, ROUNDS
from prefloop.io.arrays import read_table
from prefloop.report.savings import normalised_auc
from prefloop.tracking.names import quotable
from prefloop.tracking.view import Board
from prefloop.tracking.workflow import Rounds, Shown, Workflow, WorkflowRecorder


def round_metrics(facts: Mapping[str, Any], metrics: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """Metrics of one round, for instance `test_log_likelihood`, `acquired_accuracy`, `entropy_ratio`.

    Args:
        facts: the round's row of rounds.parquet.
        metrics: its rows of metrics.parquet, one a split.

    Returns:
        Value by name; what a round does not have is left out.
    """
    values = {name: facts.get(name) for name in ROUNDS.names}
    for row in metrics:
        values |= {f"{row['split']}_{name}": row.get(name) for name in METRICS.names}
    return {name: float(value) for name, value in values.items() if value is not None}


def rounds_of(folder: Path) -> Rounds:
    """Labels and metrics after each round of a finished simulated run, from its folder."""
    by_round: dict[int, list[dict[str, Any]]] = {}
    for row in read_table(folder / METRICS.file).to_pylist():
        by_round.setdefault(row["round"], []).append(row)
    rounds = read_table(folder / ROUNDS.file).to_pylist()
    return [(row["n_labels"], round_metrics(row, by_round.get(row["round"], []))) for row in rounds]


def downstream_metrics(rows: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """What retrained models made of all of a run's labels, for instance `retrained_test_accuracy`.

    Args:
        rows: its rows of downstream.parquet.

    Returns:
        Value by name, at the last share of the budget on the test split; what it does not have is left out.
    """
    test = [row for row in rows if row["split"] == "test"]
    if not test:
        return {}
    last = max(test, key=lambda row: row["share"])
    tracked = {number.tracked: last[number.name] for number in DOWNSTREAM.numbers if number.tracked is not None}
    return {name: float(value) for name, value in tracked.items() if value is not None}


def _grouped(about: Mapping[str, Any]) -> dict[str, str]:
    benchmark, reward = about["parameters"]["benchmark"], about["parameters"]["reward"]
    ensemble = reward.get(reward["kind"], {})
    encoder = about.get("encoder") or {}
    return {
        "dataset": quotable(about["dataset"]),
        "initial": str(benchmark["initial"]),
        "batch_size": str(benchmark["batch"]),
        "reward": str(reward["kind"]),
        **({"members": str(ensemble["members"])} if "members" in ensemble else {}),
        **({"encoder": str(encoder["model"])} if "model" in encoder else {}),
    }


def _summary(folder: Path, rounds: Rounds) -> dict[str, float]:
    """Areas of one run's own curves, to sort by, and what retrained models made of its labels."""
    areas = {}
    for split in ("test", "ood"):
        name = f"{split}_log_likelihood"
        points = [(n_labels, metrics[name]) for n_labels, metrics in rounds if name in metrics]
        if points:
            labels, values = np.array(sorted(points)).T
            areas[f"{split}_area"] = float(normalised_auc(values, labels))
    return areas | downstream_metrics(read_table(folder / DOWNSTREAM.file).to_pylist())


SIMULATED = Workflow(
    board=Board(
        "run",
        (
            *("test_log_likelihood", "ood_log_likelihood", "test_accuracy"),
            *("test_epistemic", "n_prompts", "entropy_ratio"),
        ),
    ),
    comparison="comparison",
    title="comparison on",
    files=("run.json", ROUNDS.file, METRICS.file, DOWNSTREAM.file, "acquired.parquet"),
    rounds=rounds_of,
    shown=(Shown("acquired", "acquired.parquet"),),
    section="benchmark",
    before=0,
    grouped=_grouped,
    identity=("dataset", "encoder"),
    summary=_summary,
)


class RunRecorder(WorkflowRecorder):
    """The writer of MLflow for simulated runs."""

    WORKFLOW = SIMULATED

    def round(
        self, about: Mapping[str, Any], facts: Mapping[str, Any], metrics: list[dict[str, Any]], seconds: float
    ) -> None:
        """Log one finished round.

        Args:
            about: content of the run's run.json.
            facts: the round's row of rounds.parquet.
            metrics: its rows of metrics.parquet.
            seconds: how long it took.
        """
        self.log_round(about, int(facts["n_labels"]), round_metrics(facts, metrics), seconds, {})
