"""Logging while a run goes on, so that its curve grows in the UI."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prefloop.errors import TrackingError
from prefloop.tracking.names import comparison_spec, round_metrics, run_spec, system_facts
from prefloop.tracking.tracker import RunLogger, Tracker

log = logging.getLogger("prefloop")


@contextmanager
def never_fatal() -> Iterator[None]:
    """Report a failure of tracking as a warning: results come first."""
    try:
        yield
    except TrackingError as error:
        log.warning("not tracked: %s", error)


class LiveRun:
    """One simulated run in MLflow while it goes on; after a failure it logs nothing more.

    Args:
        open_tracker: opens the experiment.
        about: content of the run's run.json.
    """

    def __init__(self, open_tracker: Callable[[], Tracker], about: Mapping[str, Any]) -> None:
        self._run: RunLogger | None = None
        with never_fatal():
            tracker = open_tracker()
            tracker.show(about["dataset"])
            parent = tracker.run(comparison_spec(about))
            self._run = tracker.run(run_spec(about, parent.id))
            self._run.set_tags(system_facts())
            self._run.resume()

    def log_round(self, facts: Mapping[str, Any], metrics: list[dict[str, Any]], seconds: float) -> None:
        """Log one finished round.

        Args:
            facts: its row of rounds.parquet.
            metrics: its rows of metrics.parquet.
            seconds: how long it took; timings stand in MLflow and in no tracked output.
        """
        if self._run is None:
            return
        run, self._run = self._run, None
        with never_fatal():
            run.log_rounds([(int(facts["n_labels"]), round_metrics(facts, metrics) | {"seconds": seconds})])
            self._run = run
