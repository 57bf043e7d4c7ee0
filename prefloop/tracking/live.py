"""Logging while a run goes on, so that its curve grows in the UI."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from prefloop.errors import TrackingError
from prefloop.tracking.names import round_metrics, system_facts
from prefloop.tracking.outputs import open_run
from prefloop.tracking.tracker import RunLogger, Tracker

log = logging.getLogger("prefloop")


@contextmanager
def never_fatal() -> Iterator[None]:
    """Report a failure of tracking as a warning: results come first."""
    try:
        yield
    except TrackingError as error:
        log.warning("not tracked: %s", error)


class Live:
    """One run in MLflow while it goes on; after a failure it logs nothing more.

    Args:
        open_run: opens the experiment and finds or creates the run.
    """

    def __init__(self, open_run: Callable[[], RunLogger]) -> None:
        self._run: RunLogger | None = None
        with never_fatal():
            self._run = open_run()
            self._run.set_tags(system_facts())
            self._run.resume()

    def _log(self, write: Callable[[RunLogger], None]) -> None:
        if self._run is None:
            return
        run, self._run = self._run, None
        with never_fatal():
            write(run)
            self._run = run


class LiveRun(Live):
    """One simulated run.

    Args:
        open_tracker: opens the experiment.
        about: content of the run's run.json.
    """

    def __init__(self, open_tracker: Callable[[], Tracker], about: Mapping[str, Any]) -> None:
        super().__init__(lambda: open_run(open_tracker(), about))

    def log_round(self, facts: Mapping[str, Any], metrics: list[dict[str, Any]], seconds: float) -> None:
        """Log one finished round.

        Args:
            facts: its row of rounds.parquet.
            metrics: its rows of metrics.parquet.
            seconds: how long it took; timings stand in MLflow and in no tracked output.
        """
        values = round_metrics(facts, metrics) | {"seconds": seconds}
        self._log(lambda run: run.log_rounds([(int(facts["n_labels"]), values)]))
