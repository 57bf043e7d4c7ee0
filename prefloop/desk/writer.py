"""Writer: one thread that does jobs in the order they came, as many at a time as one write to the log can take."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any

from prefloop.errors import StateError

log = logging.getLogger("prefloop")

# Answers in one write; far more than come in while a disk syncs.
_MOST = 256


@dataclass(frozen=True, eq=False)
class Job:
    """Something to do.

    Attributes:
        what: it.
        future: of what comes of it.
    """

    what: Any
    future: Future[Any] = field(default_factory=Future)


class Writer:
    """The thread.

    Args:
        work: does some jobs, and sets the future of each that it has done; those that it has not done stay first
            in the queue. It does at least one.
    """

    def __init__(self, work: Callable[[Sequence[Job]], None]) -> None:
        self._work = work
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock, self._is_closed = threading.Lock(), False
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)
        self._thread.start()

    def submit(self, what: Any) -> Future[Any]:
        """Have something done.

        Raises:
            StateError: the writer is closed.
        """
        job = Job(what)
        with self._lock:
            if self._is_closed:
                raise StateError("the campaign is closed: start its server again")
            self._jobs.put(job)
        return job.future

    def close(self) -> None:
        """Do what was submitted, and end."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        waiting: list[Job] = []
        is_last = False
        while waiting or not is_last:
            is_last = self._collect(waiting, is_last)
            if waiting:
                self._do(waiting)
                waiting = [job for job in waiting if not job.future.done()]

    def _collect(self, waiting: list[Job], is_last: bool) -> bool:
        """Add what has come to the waiting jobs; wait only where there are none. True when it was the last."""
        while not is_last and len(waiting) < _MOST:
            try:
                job = self._jobs.get(block=not waiting)
            except Empty:
                break
            if job is None:
                return True
            # From here on nobody can take it back: it may be on the disk.
            if job.future.set_running_or_notify_cancel():
                waiting.append(job)
        return is_last

    def _do(self, waiting: Sequence[Job]) -> None:
        before = len(waiting)
        try:
            self._work(waiting)
        except BaseException as error:
            if not isinstance(error, (StateError, OSError)):
                log.exception("the writer failed")
            for job in waiting:
                if not job.future.done():
                    job.future.set_exception(error)
        assert any(job.future.done() for job in waiting) or not before, "no job was done"
