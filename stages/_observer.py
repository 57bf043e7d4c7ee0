"""What a simulated run calls after every round: a line on stderr, and MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from prefloop.rounds.benchmark import Observer
from prefloop.rounds.record import RoundRecord
from prefloop.tracking.recorder import RunRecorder

log = logging.getLogger("prefloop")


def observer(recorder: RunRecorder) -> Callable[[dict[str, Any]], Observer]:
    """What a benchmark run calls at its start, and then after every round."""

    def start(about: dict[str, Any]) -> Observer:
        def on_round(record: RoundRecord, seconds: float) -> None:
            _say(record, seconds)
            recorder.round(about, record.facts, record.metrics, seconds)

        return on_round

    return start


def _say(record: RoundRecord, seconds: float) -> None:
    facts = record.facts
    test = [row["log_likelihood"] for row in record.metrics if row["split"] == "test"]
    score = f", test log-likelihood {test[0]:.4f}" if test else ""
    log.info(
        "%s-%d round %d: %d labels%s, %.1f s",
        *(facts["policy"], facts["seed"], record.number, facts["n_labels"], score, seconds),
    )
