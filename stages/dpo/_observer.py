"""What a run calls after every round: a line on stderr, and MLflow."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from prefloop.dpo.run import Finished, Observer
from prefloop.tracking.dpo import DpoRecorder

log = logging.getLogger("prefloop")


def observer(recorder: DpoRecorder) -> Callable[[dict[str, Any]], Observer]:
    """What a run calls at its start, and then after every round."""

    def start(about: dict[str, Any]) -> Observer:
        def on_round(done: Finished) -> None:
            _say(done)
            recorder.round(about, done.facts, done.generations, done.pairs, done.seconds)

        return on_round

    return start


def _say(done: Finished) -> None:
    facts = done.facts
    oracle, judge = ("–" if (win := facts[f"win_{of}"]) is None else f"{win:.3f}" for of in ("oracle", "judge"))
    log.info(
        "%s-%d round %d: %d labels, win rate %s (judge %s), KL %.2f nats, %.1f s",
        *(facts["policy"], facts["seed"], facts["round"], facts["n_labels"]),
        *(oracle, judge, facts["kl"], done.seconds),
    )
