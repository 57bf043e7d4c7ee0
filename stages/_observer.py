"""What follows simulated runs while they are made: MLflow, written by this process alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefloop.config import Params
from prefloop.scale.comparison import Watcher
from prefloop.scale.local import Key, RoundDone, RunDone
from prefloop.tracking.live import LiveRun, never_fatal
from prefloop.tracking.outputs import track_run
from prefloop.tracking.tracker import Tracker


def watcher(params: Params) -> Watcher | None:
    """Who logs the runs to MLflow; None where tracking is off."""
    return _Mlflow(params) if params.tracking.enabled else None


class _Mlflow:
    def __init__(self, params: Params) -> None:
        self._params = params
        self._live: dict[Key, LiveRun] = {}

    def round(self, about: dict[str, Any], done: RoundDone) -> None:
        """Log one finished round."""
        if done.key not in self._live:
            self._live[done.key] = LiveRun(lambda: Tracker(self._params.tracking, Path.cwd()), about)
        self._live[done.key].log_round(done.facts, done.metrics, done.seconds)

    def run(self, done: RunDone) -> None:
        """Log what a finished run's folder holds."""
        with never_fatal():
            track_run(Tracker(self._params.tracking, Path.cwd()), done.folder)
