"""MLflow runs of active DPO: one per policy and seed, below a comparison; live, or rebuilt from their outputs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.io.arrays import read_table
from prefloop.io.documents import read_json, to_json
from prefloop.io.hashing import text_id
from prefloop.report.savings import area
from prefloop.tracking.live import Live
from prefloop.tracking.names import flat, policy_spec
from prefloop.tracking.outputs import log_by_round
from prefloop.tracking.tracker import RunLogger, RunSpec, Tracker
from prefloop.tracking.view import ALIGN

SHOWN_GENERATIONS = 50
_GENERATION = ("prompt", "start_completion", "completion", "oracle", "judge")
_NOT_METRICS = ("policy", "seed", "round", "n_labels", "reference")


class AlignLive(Live):
    """One run of active DPO in MLflow while it goes on.

    Args:
        open_tracker: opens the experiment.
        about: content of the run's run.json.
    """

    def __init__(self, open_tracker: Callable[[], Tracker], about: Mapping[str, Any]) -> None:
        super().__init__(lambda: open_align_run(open_tracker(), about))

    def log_round(self, facts: Mapping[str, Any], generations: pa.Table, pairs: pa.Table, seconds: float) -> None:
        """Log one finished round.

        Args:
            facts: its row of rounds.parquet.
            generations: its rows of evaluation.parquet.
            pairs: its rows of pairs.parquet.
            seconds: how long it took; timings stand in MLflow and in no tracked output.
        """

        def write(run: RunLogger) -> None:
            run.log_rounds([(int(facts["n_labels"]), round_metrics(facts) | {"seconds": seconds})])
            _log_texts(run, generations, pairs)

        self._log(write)


def track_align_run(tracker: Tracker, folder: Path) -> RunLogger:
    """Log one finished run, and its parent if that is new: what live logging missed is filled in.

    Args:
        tracker: the experiment.
        folder: the run's folder.

    Returns:
        Its MLflow run.
    """
    run = open_align_run(tracker, read_json(folder / "run.json"))
    rounds = read_table(folder / "rounds.parquet").to_pylist()
    run.log_rounds([(row["n_labels"], round_metrics(row)) for row in rounds])
    texts = read_table(folder / "evaluation.parquet", ["round", *_GENERATION])
    _log_texts(run, texts, read_table(folder / "pairs.parquet"))
    run.log_summary(_own_summary(rounds))
    run.set_tags({"rounds": str(len(rounds) - 1), "budget": str(rounds[-1]["n_labels"])})
    run.finish()
    return run


def open_align_run(tracker: Tracker, about: Mapping[str, Any]) -> RunLogger:
    """Find or create the MLflow run of a run.json, and its parent."""
    tracker.show(about["dataset"], ALIGN)
    parent = tracker.run(comparison_spec(about))
    params = {"dataset": _dataset(about), **flat(_without_rounds(about["parameters"]))}
    return tracker.run(policy_spec("align", about, params, parent.id))


def comparison_spec(about: Mapping[str, Any]) -> RunSpec:
    """The parent of a comparison: one set of prompts with the parameters that all its runs share.

    Args:
        about: run.json of any of its runs.
    """
    shared = _without_rounds({name: of for name, of in about["parameters"].items() if name != "policy"})
    return RunSpec(
        key=f"align comparison/{about['dataset']}",
        fingerprint=text_id(to_json({"dataset": about["dataset"], **shared})),
        name=f"active DPO on {about['dataset']}",
        params={"kind": "align comparison", "dataset": _dataset(about), **flat(shared)},
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
