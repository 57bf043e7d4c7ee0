"""Clerk: decides what becomes of answers, undos and adjudications, and writes it into the log.

Each decision is made under the log's lock after reading on, so that it knows all that anybody has appended. What
stands in the log then is taken into the queue by the one way for all lines, and only then acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prefloop.desk.budget import NOTHING, Spent
from prefloop.desk.decisions import Answering, Decisions, ReadingOn
from prefloop.desk.leases import Lease
from prefloop.desk.queue import Queue
from prefloop.desk.task import Refused
from prefloop.desk.writer import Job
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog, News

# Seconds that a place is kept while its answer is being written: longer than others may hold the log's lock.
_WRITING_S = 120.0


@dataclass
class Plan:
    """What one write to the log does.

    Attributes:
        labels: lines to append.
        outcomes: what each job's future gets once they are there: a function that is called then, or an error.
        kept: leases whose answers are among the lines.
        cost: what the lines cost.
        freed: what those leases had reserved.
    """

    labels: list[Label] = field(default_factory=list)
    outcomes: list[tuple[Job, Callable[[], Any] | Refused]] = field(default_factory=list)
    kept: list[Lease] = field(default_factory=list)
    cost: Spent = NOTHING
    freed: Spent = NOTHING


class Clerk:
    """Works for a `Writer`.

    Args:
        log: path of the label log.
        queue: what is known of it.
        decisions: what becomes of a job.
        clock: seconds since 1970.
    """

    def __init__(self, log: Path, queue: Queue, decisions: Decisions, clock: Callable[[], float]) -> None:
        self._path, self._queue, self._decisions, self._clock = log, queue, decisions, clock
        self._log = LabelLog(log, queue.mark)

    def read_on(self) -> None:
        """Take in what stands in the log.

        Raises:
            DataError: a line that is no label.
        """
        self._queue.take_in(self._log.read_on(), self._log.mark)

    def work(self, jobs: Sequence[Job]) -> None:
        """Do the first of some jobs, and those behind it that go into the same write.

        Raises:
            StateError, OSError: the log could not be written; then nothing of it is in there.
            DataError: somebody has written a line into it that is no label.
        """
        plan = Plan()

        def give(news: News) -> list[Label]:
            with self._queue.lock:
                self._queue.take_in(news, self._log.mark)
                self._fill(plan, jobs)
            return plan.labels

        try:
            news = self._log.exchange(give)
            with self._queue.lock:
                self._queue.take_in(news, self._log.mark)
                results = [(job, _result(outcome)) for job, outcome in plan.outcomes]
        except BaseException:
            # Read on from where the queue stands: what it has not taken in comes again.
            self._log = LabelLog(self._path, self._queue.mark)
            for lease in plan.kept:
                self._decisions.leases.restore(lease)
            raise
        for job, result in results:
            if isinstance(result, Refused):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    def _fill(self, plan: Plan, jobs: Sequence[Job]) -> None:
        """Answers up to the first other job or the first on a pair that is in the plan already; else one job."""
        now = self._clock()
        pairs: set[str] = set()
        for number, job in enumerate(jobs):
            if isinstance(job.what, ReadingOn):
                plan.outcomes.append((job, lambda: None))
            elif isinstance(job.what, Answering):
                pair = self._decisions.pair_of(job.what)
                if pair in pairs:
                    return
                pairs.add(pair)
                self._decide(plan, job, now)
            else:
                if number == 0:
                    self._decide(plan, job, now)
                return

    def _decide(self, plan: Plan, job: Job, now: float) -> None:
        try:
            decision = self._decisions.decide(job.what, plan.cost, plan.freed, now)
        except Refused as refused:
            plan.outcomes.append((job, refused))
            return
        plan.labels.extend(decision.labels)
        if decision.lease is not None:
            self._decisions.leases.keep(decision.lease, now + _WRITING_S)
            plan.kept.append(decision.lease)
            plan.freed += decision.lease.reserved
        plan.cost += decision.cost
        plan.outcomes.append((job, decision.outcome))


def _result(outcome: Callable[[], Any] | Refused) -> Any:
    try:
        return outcome if isinstance(outcome, Refused) else outcome()
    except Refused as refused:
        return refused
