"""Simulated runs side by side on this machine: one process each, the parent alone writes what all share."""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from multiprocessing.queues import Queue
from pathlib import Path
from queue import Empty

from prefloop.config import Params
from prefloop.errors import PrefloopError, StateError
from prefloop.io.layout import Layout
from prefloop.oracle.answered import answered
from prefloop.oracle.answers import Answers
from prefloop.oracle.hidden import HiddenAnswers, hidden_of, load_hidden
from prefloop.pool.benchmark import run_benchmark
from prefloop.pool.identity import Identity
from prefloop.pool.problem import Inputs, Problem, divided, load_inputs
from prefloop.pool.record import RoundRecord
from prefloop.scale.events import Event, Key, RoundDone, RunDone

log = logging.getLogger("prefloop")

_POLL_S = 0.2
# The libraries that a worker needs, loaded once by the process that workers are forked from.
_PRELOAD = ["prefloop.scale.local"]


@dataclass(frozen=True)
class RunFailed:
    """A run that raised; its future holds what."""

    key: Key


_Told = RoundDone | RunDone | RunFailed


def run_all(params: Params, layout: Layout, keys: list[Key], tell: Callable[[Event], None]) -> None:
    """Run or resume simulated runs, `benchmark.jobs` of them at a time.

    A run's bytes depend neither on how many go side by side nor on their order.

    Args:
        params: parameters in force.
        layout: where inputs, state and outputs lie.
        keys: (policy, seed) of each run.
        tell: called in this process after every round and every run, in the order of their ends.

    Raises:
        PrefloopError: what a run raised, or its process was killed; the others are stopped, their finished
            rounds are kept.
    """
    jobs = min(params.benchmark.jobs or os.cpu_count() or 1, len(keys))
    # Seed by seed, so that a worker divides the inputs once for several policies.
    ordered = sorted(keys, key=lambda key: key[1])
    if jobs <= 1:
        worker = _Worker(params, layout)
        for key in ordered:
            tell(RunDone(key, worker.run(key, tell)))
        return
    with _threads(params.benchmark.threads):
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOAD)
        events: Queue[_Told] = context.Queue()
        pool = ProcessPoolExecutor(jobs, context, _start, (params, layout, events))
        try:
            for event in _until_done({key: pool.submit(_run, key) for key in ordered}, events):
                tell(event)
        except BrokenProcessPool:
            _stop(pool)
            raise StateError(
                "the process of a run was ended from outside, or memory ran out: lower benchmark.jobs if it did, "
                "and run the same command again; finished rounds are kept"
            ) from None
        except BaseException:
            _stop(pool)
            raise
        pool.shutdown()


def _until_done(futures: dict[Key, Future[None]], events: Queue[_Told]) -> Iterator[Event]:
    """What the workers tell, until each run has said that it is done; a worker's error is raised here.

    A failure is told through the same queue, so that it comes after all that its process had finished before.
    """
    left = set(futures)
    while left:
        # A process that was ended from outside tells nothing. Before every event, as others may never be silent.
        for future in futures.values():
            if future.done() and isinstance(error := future.exception(), BrokenProcessPool):
                raise error
        try:
            event = events.get(timeout=_POLL_S)
        except Empty:
            continue
        if isinstance(event, RunFailed):
            futures[event.key].result()
        else:
            if isinstance(event, RunDone):
                left.remove(event.key)
            yield event


def _stop(pool: ProcessPoolExecutor) -> None:
    """End the workers at once: what they have finished is on disk, and a resumed run goes on from there."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let libraries that read it when they are loaded start no more threads than one run may use."""
    before = os.environ.get("OMP_NUM_THREADS")
    if count:
        os.environ["OMP_NUM_THREADS"] = str(count)
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("OMP_NUM_THREADS", None)
        else:
            os.environ["OMP_NUM_THREADS"] = before


class _Worker:
    """The inputs, opened by the first run (whose error it then is), and the last seed's division of them."""

    def __init__(self, params: Params, layout: Layout) -> None:
        self._params = params
        self._layout = layout
        self._identity = Identity(params, layout)
        self._last: tuple[int, Problem, HiddenAnswers] | None = None

    @cached_property
    def _inputs(self) -> Inputs:
        return load_inputs(self._layout, self._params)

    @cached_property
    def _answers(self) -> Answers:
        return load_hidden(self._layout.prepared, self._inputs)

    def run(self, key: Key, tell: Callable[[RoundDone], None]) -> Path:
        """Run or resume one (policy, seed); return its folder."""
        policy, seed = key
        if self._last is None or self._last[0] != seed:
            problem = divided(self._inputs, self._params.data, seed, answered(self._inputs.stored, self._answers))
            self._last = seed, problem, hidden_of(problem, self._answers)

        def on_round(record: RoundRecord, seconds: float) -> None:
            tell(RoundDone(key, record.facts, record.metrics, seconds))

        try:
            return run_benchmark(self._identity, *self._last[1:], policy, seed, on_round)
        except PrefloopError as error:
            raise type(error)(f"{policy}-{seed}: {error}") from error


# One worker process has one of these; a function that is sent to it finds it here.
_worker: tuple[_Worker, Queue[_Told]] | None = None


def _start(params: Params, layout: Layout, events: Queue[_Told]) -> None:
    global _worker
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker = _Worker(params, layout), events


def _end_with_parent() -> None:
    """End this process once the one that started the comparison is gone, also if that was killed."""
    # Not os.getppid(): that is the fork server, which lives as long as a worker does.
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _run(key: Key) -> None:
    assert _worker is not None
    worker, events = _worker
    try:
        folder = worker.run(key, events.put)
    except BaseException:
        events.put(RunFailed(key))
        raise
    events.put(RunDone(key, folder))
