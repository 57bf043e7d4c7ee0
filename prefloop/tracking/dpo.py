"""MLflow runs of active DPO: one per policy and seed, below a comparison; live, or rebuilt from their outputs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.io.arrays import read_table
from prefloop.io.documents import read_json, to_json
from prefloop.io.hashing import text_id
from prefloop.report.savings import area
from prefloop.tracking.names import flat, policy_spec, system_facts
from prefloop.tracking.outputs import Rounds, log_by_round, outputs_digest
from prefloop.tracking.recorder import Recorder
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.tracker import RunSpec, Tracker
from prefloop.tracking.view import DPO, Ranges, value_ranges

_FILES = ("run.json", "rounds.parquet", "evaluation.parquet", "pairs.parquet")
SHOWN_GENERATIONS = 50
_GENERATION = ("prompt", "start_completion", "completion", "oracle", "judge")
_NOT_METRICS = ("policy", "seed", "round", "n_labels", "reference")


class DpoRecorder(Recorder):
    """The writer of MLflow for runs of active DPO."""

    def round(
        self,
        about: Mapping[str, Any],
        facts: Mapping[str, Any],
        generations: pa.Table,
        pairs: pa.Table,
        seconds: float,
    ) -> None:
        """Log one finished round.

        Args:
            about: content of the run's run.json.
            facts: its row of rounds.parquet.
            generations: its rows of evaluation.parquet.
            pairs: its rows of pairs.parquet.
            seconds: how long it took; timings stand in MLflow and in no tracked output.
        """

        values = round_metrics(facts)

        def write(tracker: Tracker) -> None:
            run = open_dpo_run(tracker, about, value_ranges([values], DPO))
            run.set_tags(system_facts())
            run.resume()
            run.log_rounds([(int(facts["n_labels"]), values | {"seconds": seconds})])
            _log_texts(run, generations, pairs)

        self.note(write)

    def run_done(self, folder: Path) -> None:
        """Log one finished run: what its rounds did not log is filled in."""
        self.note(lambda tracker: track_dpo_run(tracker, folder))


def track_dpo_run(tracker: Tracker, folder: Path) -> RunLogger:
    """Log one finished run, and its parent if that is new; one that was logged before costs nothing.

    Args:
        tracker: the experiment.
        folder: the run's folder.

    Returns:
        Its MLflow run.
    """
    about = read_json(folder / "run.json")
    run = open_dpo_run(tracker, about)
    digest = outputs_digest(folder, _FILES)
    if run.holds(digest):
        return run
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    values = dpo_rounds(folder)
    tracker.show(about["dataset"], DPO, value_ranges((metrics for _, metrics in values), DPO))
    run.log_rounds(values)
    texts = read_table(folder / "evaluation.parquet", ["round", *_GENERATION])
    _log_texts(run, texts, read_table(folder / "pairs.parquet"))
    run.log_summary(_own_summary(rounds))
    run.set_tags({"rounds": str(len(rounds) - 1), "budget": str(rounds[-1]["n_labels"])})
    run.finish(digest)
    return run


def dpo_rounds(folder: Path) -> Rounds:
    """Labels and metrics after each round of a finished run, from its folder."""
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    return [(row["n_labels"], round_metrics(row)) for row in rounds]


def open_dpo_run(tracker: Tracker, about: Mapping[str, Any], ranges: Ranges | None = None) -> RunLogger:
    """Find or create the MLflow run of a run.json, and its parent; show it, and the values in these ranges."""
    tracker.show(about["dataset"], DPO, ranges)
    parent = tracker.run(comparison_spec(about))
    params = {"dataset": _dataset(about), **flat(_without_rounds(about["parameters"]))}
    return tracker.run(policy_spec("dpo", about, params, parent.id))


def comparison_spec(about: Mapping[str, Any]) -> RunSpec:
    """The parent of a comparison: one set of prompts with the parameters that all its runs share.

    Args:
        about: run.json of any of its runs.
    """
    shared = _without_rounds({name: of for name, of in about["parameters"].items() if name != "policy"})
    return RunSpec(
        key=f"dpo comparison/{about['dataset']}",
        fingerprint=text_id(to_json({"dataset": about["dataset"], **shared})),
        name=f"active DPO on {about['dataset']}",
        params={"kind": "dpo comparison", "dataset": _dataset(about), **flat(shared)},
    )


def round_metrics(facts: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of one round: the numeric columns of its row of rounds.parquet, nulls left out."""
    return {name: float(value) for name, value in facts.items() if name not in _NOT_METRICS and value is not None}


def _log_texts(run: RunLogger, generations: pa.Table, pairs: pa.Table) -> None:
    log_by_round(run, "pairs", pairs)
    log_by_round(run, "generations", generations, _GENERATION, SHOWN_GENERATIONS)


def _own_summary(rounds: list[dict[str, Any]]) -> dict[str, float]:
    """Areas of one run's own curves from the first round on, to sort by."""
    later = [row for row in rounds if row["round"] > 0]
    labels = np.array([row["n_labels"] for row in later])
    curves = {name: [row[name] for row in later] for name in ("win_oracle", "win_judge")}
    return {
        f"{name}_area": float(area(np.array(values), labels))
        for name, values in curves.items()
        if None not in values
    }


def _dataset(about: Mapping[str, Any]) -> str:
    return str(about["dataset"]).replace("'", "_")  # the UI's filter cannot quote it


def _without_rounds(parameters: Mapping[str, Any]) -> dict[str, Any]:
    # A run that goes on for longer is the same run.
    return {**parameters, "run": {name: of for name, of in parameters["run"].items() if name != "rounds"}}
