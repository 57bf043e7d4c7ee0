"""The one writer of MLflow in a process: opened once, never fatal."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prefloop.config.shared import Tracking
from prefloop.errors import TrackingError
from prefloop.tracking.tracker import Tracker

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


def tracked(config: Tracking, write: Callable[[Tracker], object]) -> None:
    """Write something from a process that writes nothing else, for instance a stage of a campaign."""
    Recorder(config, Path.cwd()).note(write)
