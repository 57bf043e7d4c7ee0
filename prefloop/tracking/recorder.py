"""The one writer of MLflow in a process: opened once, never fatal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefloop.config.shared import Tracking
from prefloop.errors import TrackingError
from prefloop.tracking.names import round_metrics, system_facts
from prefloop.tracking.outputs import open_run, track_run
from prefloop.tracking.tracker import Tracker
from prefloop.tracking.view import SIMULATED, value_ranges

log = logging.getLogger("prefloop")


@contextmanager
def never_fatal() -> Iterator[None]:
    """Report a failure of tracking as a warning: results come first."""
    try:
        yield
    except TrackingError as error:
        log.warning("not tracked: %s", error)


class Recorder:
    """The writer of MLflow of one process, for all its runs; after a failure it writes nothing more.

    Nothing is opened, and MLflow not imported, before the first thing is to be written. Runs that go on in worker
    processes send what they have to the process that holds it; a second process may hold another of its own.

    Args:
        config: section `tracking`; not enabled, it writes nothing.
        root: folder that a relative SQLite path starts from.
    """

    def __init__(self, config: Tracking, root: Path) -> None:
        self._config, self._root = config, root
        self._works = config.enabled
        self._tracker: Tracker | None = None

    def note(self, write: Callable[[Tracker], object]) -> None:
        """Write something; the first failure is a warning with its remedy, and then silence."""
        if not self._works:
            return
        self._works = False
        with never_fatal():
            if self._tracker is None:
                self._tracker = Tracker(self._config, self._root)
            write(self._tracker)
            self._works = True


class RunRecorder(Recorder):
    """The writer of MLflow for simulated runs."""

    def round(
        self,
        about: Mapping[str, Any],
        facts: Mapping[str, Any],
        metrics: list[dict[str, Any]],
        seconds: float,
    ) -> None:
        """Log one finished round, so that its run's curve grows in the UI.

        Args:
            about: content of the run's run.json.
            facts: the round's row of rounds.parquet.
            metrics: its rows of metrics.parquet.
            seconds: how long it took; timings stand in MLflow and in no tracked output.
        """
        values = round_metrics(facts, metrics)

        def write(tracker: Tracker) -> None:
            run = open_run(tracker, about, value_ranges([values], SIMULATED))
            run.set_tags(system_facts())
            run.resume()
            run.log_rounds([(int(facts["n_labels"]), values | {"seconds": seconds})])

        self.note(write)

    def run_done(self, folder: Path) -> None:
        """Log one finished run from its folder: what its rounds did not log is filled in."""
        self.note(lambda tracker: track_run(tracker, folder))
