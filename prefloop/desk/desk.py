"""Desk: what the page, its API and the campaign's loop call."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from filelock import FileLock, Timeout

from prefloop.config import Params
from prefloop.data.readers import Meaning
from prefloop.desk.budget import Budget
from prefloop.desk.clerk import Clerk
from prefloop.desk.decisions import Adjudicating, Answering, Decisions, ReadingOn, Undoing
from prefloop.desk.gold import NO_GOLD, read_gold
from prefloop.desk.guidelines import Guidelines, GuidelinesFile
from prefloop.desk.leases import Lease, Leases
from prefloop.desk.people import People
from prefloop.desk.questions import Questions
from prefloop.desk.queue import Queue
from prefloop.desk.tables import BATCH, DISPUTED, LAST_WORD, REASONS
from prefloop.desk.task import Decided, Given, Outcome, Task, Wait
from prefloop.desk.writer import Writer
from prefloop.errors import ConfigError, StateError
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.verdicts import Ruling

log = logging.getLogger("prefloop")

# Seconds that a question waits for lines of others to be taken in; they are looked at again with its answer.
_CATCH_UP_S = 1.0
# Seconds without a question after which nobody is taken to be on the way to the next one.
_QUIET_S = 60.0
# Answers by which one's speed is told.
_LATELY = 20


@dataclass(frozen=True)
class Progress:
    """How far an annotator and the campaign are.

    Attributes:
        yours: the annotator's verdicts, gold items and repeats included.
        minute_rate: the annotator's verdicts per minute of work lately, None at first.
        total: verdicts of all, those that were taken back apart.
        wanted: verdicts that the campaign wants: its budget, else those of the batch and those before it.
        last_lease: that of the annotator's last verdict that can be taken back, None without one.
    """

    yours: int
    minute_rate: float | None
    total: int
    wanted: int
    last_lease: str | None = None


@dataclass(frozen=True)
class Conflicts:
    """Disputed pairs.

    Attributes:
        total: how many.
        first: the oldest of them, or those from a place on: ids, round, and the votes on each.
    """

    total: int
    first: list[dict[str, Any]]


class Desk:
    """Gives comparisons out and takes verdicts; for any number of threads, one desk a campaign at a time.

    Args:
        params: parameters in force (sections `page` and `campaign`; paths from the current folder).
        layout: where batch, log and queue lie.
        people: who may sit before it.
        clock: seconds since 1970.

    Raises:
        StateError: another process has the campaign's desk, or a file is damaged that cannot be made again.
        ConfigError: a budget below one comparison, gold items or guidelines that cannot be read.
        DataError: a line of the log that is no label.
    """

    def __init__(
        self, params: Params, layout: Layout, people: People, clock: Callable[[], float] = time.time
    ) -> None:
        self._params, self._layout, self.people, self._clock = params, layout, people, clock
        self._budget = Budget.of(params)
        self._guidelines = GuidelinesFile(params.page.guidelines)
        self.gold = NO_GOLD if params.page.gold is None else read_gold(params.page.gold, Meaning.of(params.data))
        if params.page.gold_share and not self.gold.items:
            raise ConfigError("page.gold_share is above 0, but page.gold names no file")
        self._only = _only_one(layout)
        try:
            self._queue = Queue(layout.queue, self._budget)
            self._leases = Leases(self._queue, self._budget, self._guidelines)
            decisions = Decisions(self._queue, self._leases, self._budget, params.page, clock)
            self._clerk = Clerk(layout.labels, self._queue, decisions, clock)
            self._clerk.read_on()
            self._questions = Questions(self._queue, self._leases, self._budget, self.gold, params)
            self._batch: tuple[int, int, int] | None = None
            self._given_at, self._wants_others = clock(), False
            self.refresh()
        except BaseException:
            self._only.release()
            raise
        self._writer = Writer(self._clerk.work)

    def refresh(self) -> None:
        """Take the pairs of batch.parquet, which has changed, into the queue.

        Raises:
            StateError: it is damaged, or of an earlier version.
        """
        seen = _stat(self._layout.batch)
        with self._queue.lock:
            if seen != self._batch:
                batch = None if seen is None else read_table(self._layout.batch, list(BATCH))
                self._queue.take_batch(batch)
                self._wanted = self._wanted_now()
                self._batch = seen

    def next(self, annotator: str) -> Task | Wait:
        """What a person is to answer now; the same until it is answered or its lease has expired.

        Raises:
            StateError: the batch is damaged.
        """
        self._catch_up()
        with self._queue.lock:
            now = self._clock()
            self._leases.end_impossible(now)
            held = self._leases.held(annotator, now)
            given = held or self._questions.next(annotator, now)
            self._keep_in_mind(given, now)
            return given if isinstance(given, Wait) else given.task

    def set_aside(self, task: Task) -> None:
        """Give a pair to nobody until the next batch, and end its lease: there are no texts of it to show."""
        with self._queue.lock:
            self._queue.change("INSERT OR IGNORE INTO unshown VALUES (?)", task.pair_id)
            lease = self._leases.by_id(task.lease)
            if lease is not None:
                self._leases.end(lease, self._clock())

    def _keep_in_mind(self, given: Lease | Wait, now: float) -> None:
        """What `is_stuck` asks about."""
        if not isinstance(given, Wait):
            self._given_at, self._wants_others = now, False
        elif given.reason == "others":
            self._wants_others = True

    def answer(self, annotator: str, given: Given) -> Future[Outcome]:
        """Take an answer; the future is done when it is on the disk, or is refused (`task.Refused`).

        Raises:
            StateError: the desk is closed.
        """
        return self._writer.submit(Answering(annotator, given))

    def undo(self, annotator: str, lease: str | None = None) -> Future[Task]:
        """Take a verdict back, that of a lease or the last, and give its comparison out again.

        Raises:
            StateError: the desk is closed.
        """
        return self._writer.submit(Undoing(annotator, lease))

    def adjudicate(self, annotator: str, pair_id: str, verdict: Ruling) -> Future[Decided]:
        """Decide a pair, whatever its votes.

        Raises:
            StateError: the desk is closed.
        """
        return self._writer.submit(Adjudicating(annotator, pair_id, verdict))

    def conflicts(self, limit: int = 50, start: int = 0) -> Conflicts:
        """Disputed pairs (`prefloop.labels.disputes.disputed`) from a place on, the oldest first."""
        with self._queue.lock:
            total = self._queue.row(f"SELECT count(*) FROM tally WHERE {DISPUTED}")
            pairs = self._queue.rows(
                f"SELECT pair_id FROM tally WHERE {DISPUTED} ORDER BY first LIMIT ? OFFSET ?", limit, start
            )
            assert total is not None
            return Conflicts(total[0], [self._conflict(row["pair_id"]) for row in pairs])

    def _conflict(self, pair_id: str) -> dict[str, Any]:
        sql = "SELECT * FROM words WHERE pair_id = ? AND stands AND purpose IS NULL ORDER BY seq"
        words = [dict(row) for row in self._queue.rows(sql, pair_id)]
        names = ("pair_id", "prompt_id", "completion_a", "completion_b", "round")
        said = ("annotator", "verdict", "timestamp", "strength", "comment")
        votes: list[dict[str, Any]] = [
            {name: word[name] for name in said}
            | {"reasons": word["reasons"].split(REASONS) if word["reasons"] else []}
            for word in words
        ]
        return {name: words[0][name] for name in names} | {"votes": votes}

    def progress(self, annotator: str) -> Progress:
        """How far an annotator and the campaign are."""
        with self._queue.lock:
            yours = self._queue.answers_of(annotator)
            spent = self._queue.spent
            wanted = self._params.campaign.budget.labels or max(self._wanted, spent.labels)
            last = self._queue.row(LAST_WORD, annotator)
            last_lease = None if last is None else last["lease"]
            return Progress(yours, self._minute_rate(annotator), spent.labels, wanted, last_lease)

    def _wanted_now(self) -> int:
        """Verdicts that will stand once the batch is done, with the gold items and repeats to be expected.

        Counted once a batch: a number that went otherwise after a vote than after one of these would tell them.
        """
        places = self._queue.row(
            "SELECT coalesce(sum(wanted - standing), 0) FROM pairs WHERE standing < wanted AND NOT ruled"
        )
        assert places is not None
        page = self._params.page
        votes = max(1 - page.gold_share - page.repeat_share, 0.5)  # beyond that they run out
        return self._queue.spent.labels + round(places[0] / votes)

    def _minute_rate(self, annotator: str) -> float | None:
        times = self._queue.rows(
            """SELECT duration_ms FROM words WHERE annotator = ? AND stands AND duration_ms > 0
            ORDER BY seq DESC LIMIT ?""",
            annotator,
            _LATELY,
        )
        return round(60_000 * len(times) / sum(row[0] for row in times), 2) if times else None

    def guidelines(self) -> Guidelines:
        """The instructions in force."""
        return self._guidelines.now()

    def waiting(self) -> int:
        """Comparisons of the batch that can still be given out: those that nobody else has who is wanted."""
        sql = """SELECT count(*) FROM pairs WHERE standing < wanted AND NOT ruled AND standing + (
            SELECT count(DISTINCT annotator) FROM leases WHERE leases.pair_id = pairs.pair_id
            AND leases.expires_at > ? AND leases.purpose IS NULL) < wanted"""
        row = self._queue.row(sql, self._clock())
        assert row is not None
        return int(row[0])

    def open(self) -> int:
        """Comparisons of the batch that nobody has answered yet, whoever has them now."""
        row = self._queue.row("SELECT count(*) FROM pairs WHERE standing < wanted AND NOT ruled AND standing = 0")
        assert row is not None
        return int(row[0])

    def further(self) -> int:
        """Comparisons of the batch that somebody has answered, and that want a further person."""
        row = self._queue.row("SELECT count(*) FROM pairs WHERE standing < wanted AND NOT ruled AND standing > 0")
        assert row is not None
        return int(row[0])

    def is_stuck(self) -> bool:
        """Whether what waits wants people who are not there.

        Somebody was told so, nobody is at anything, and nothing was given out for a while: who answers asks for
        the next comparison at once.
        """
        with self._queue.lock:
            now = self._clock()
            is_quiet = now - self._given_at >= _QUIET_S
            return self._wants_others and is_quiet and self._leases.are_over(now)

    def is_spent(self) -> bool:
        """Whether the budget covers no further comparison."""
        return not self._budget.covers(self._queue.spent + self._budget.most())

    def close(self) -> None:
        """Write what was taken, and let go of the campaign."""
        self._writer.close()
        self._queue.close()
        self._only.release()

    def _catch_up(self) -> None:
        """Take in a new batch, and what others have appended to the log."""
        if _stat(self._layout.batch) != self._batch:
            self.refresh()
        stat = _stat(self._layout.labels)
        if (0 if stat is None else stat[1]) != self._queue.mark.size:
            try:
                self._writer.submit(ReadingOn()).result(_CATCH_UP_S)
            except TimeoutError:
                log.info("another process has the log's lock; the queue goes on without what it writes")


def _stat(path: os.PathLike) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def _only_one(layout: Layout) -> FileLock:
    """Take the campaign; the system lets go of it when this process ends, however that comes."""
    layout.queue.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{layout.queue}.server")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise StateError(
            f"{layout.queue} is in use: another server of this campaign is running; end it, or use its address"
        ) from None
    return lock
