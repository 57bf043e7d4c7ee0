"""MLflow runs of active DPO: what they are called and measured by."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.dpo.metrics import ROUNDS
from prefloop.io.arrays import read_table
from prefloop.report.savings import normalised_auc
from prefloop.tracking.names import quotable
from prefloop.tracking.view import Board
from prefloop.tracking.workflow import Rounds, Shown, Workflow, WorkflowRecorder

SHOWN_GENERATIONS = 50
# Round 0 is the start model, before any label.
_BEFORE = 1
_GENERATION = ("prompt", "start_completion", "completion", "oracle", "judge")


def round_metrics(facts: Mapping[str, Any]) -> dict[str, float]:
    """Metrics of one round: the numbers of its row of rounds.parquet, nulls left out."""
    return {name: float(facts[name]) for name in ROUNDS.names if facts.get(name) is not None}


def rounds_of(folder: Path) -> Rounds:
    """Labels and metrics after each round of a finished run, from its folder."""
    return [(row["n_labels"], round_metrics(row)) for row in read_table(folder / ROUNDS.file).to_pylist()]


def _summary(folder: Path, rounds: Rounds) -> dict[str, float]:
    """Areas of one run's own curves from the first round on, to sort by; none of a curve with a gap."""
    labels = np.array([n_labels for n_labels, _ in rounds[_BEFORE:]])
    names = ("win_oracle", "win_judge")
    curves = {name: [metrics.get(name) for _, metrics in rounds[_BEFORE:]] for name in names}
    return {
        f"{name}_area": float(normalised_auc(np.array(values), labels))
        for name, values in curves.items()
        if None not in values
    }


DPO = Workflow(
    board=Board("dpo", ("win_oracle", "win_judge", "kl", "length", "agreement", "distinct_2")),
    comparison="dpo comparison",
    title="active DPO on",
    files=("run.json", ROUNDS.file, "evaluation.parquet", "pairs.parquet"),
    rounds=rounds_of,
    shown=(
        Shown("pairs", "pairs.parquet"),
        Shown("generations", "evaluation.parquet", _GENERATION, SHOWN_GENERATIONS),
    ),
    section="run",
    before=_BEFORE,
    grouped=lambda about: {"dataset": quotable(about["dataset"])},
    identity=("dataset",),
    summary=_summary,
)


class DpoRecorder(WorkflowRecorder):
    """The writer of MLflow for runs of active DPO."""

    WORKFLOW = DPO

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
            seconds: how long it took.
        """
        tables = {"pairs": pairs, "generations": generations}
        self.log_round(about, int(facts["n_labels"]), round_metrics(facts), seconds, tables)
