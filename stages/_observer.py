"""What a simulated run calls after every round: a line on stderr, and MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefloop.config import Params
from prefloop.rounds.benchmark import Observer
from prefloop.rounds.record import RoundRecord
from prefloop.tracking.live import LiveRun
from prefloop.tracking.tracker import Tracker

log = logging.getLogger("prefloop")


def observer(params: Params) -> Callable[[dict[str, Any]], Observer]:
    """What a benchmark run calls at its start, and then after every round."""

    def start(about: dict[str, Any]) -> Observer:
        live = LiveRun(lambda: Tracker(params.tracking, Path.cwd()), about) if params.tracking.enabled else None

        def on_round(record: RoundRecord, seconds: float) -> None:
            _say(record, seconds)
            if live is not None:
                live.log_round(record.facts, record.metrics, seconds)

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
