"""Leases: who has which comparison until when, which one comes next, and what open ones may cost yet."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from prefloop.desk.budget import Budget, Spent
from prefloop.desk.guidelines import GuidelinesFile
from prefloop.desk.queue import Queue
from prefloop.desk.task import Task
from prefloop.labels.label import Left, Purpose

# Seconds by which a clock may be put back while somebody has a lease; more than it takes to write an answer.
_AHEAD_S = 300.0


@dataclass(frozen=True)
class Lease:
    """A row of the table.

    Attributes:
        lease, annotator, pair_id, prompt_id, completion_a, completion_b, round, purpose, shown_left, expires_at,
            guidelines: see `Task`.
        wanted: people who are asked about the pair, in all.
        is_paid: whether its verdict was paid for before, and taken back.
        labels, nano, ms: what it reserves.
    """

    lease: str
    annotator: str
    pair_id: str
    prompt_id: str
    completion_a: str
    completion_b: str
    round: int
    purpose: Purpose | None
    shown_left: Left
    wanted: int
    expires_at: float
    guidelines: str | None
    is_paid: bool
    labels: int
    nano: int
    ms: int

    @classmethod
    def of(cls, row: sqlite3.Row) -> Self:
        """That of a row."""
        values = dict(row)
        return cls(**(values | {"is_paid": bool(values["is_paid"])}))

    @property
    def reserved(self) -> Spent:
        """What it reserves."""
        return Spent(self.labels, self.nano, self.ms)

    @property
    def task(self) -> Task:
        """What its holder is given."""
        sides = (self.completion_a, self.completion_b)
        left, right = sides if self.shown_left == "a" else sides[::-1]
        return Task(
            self.lease,
            self.annotator,
            self.pair_id,
            self.prompt_id,
            left,
            right,
            self.round,
            self.expires_at,
            self.purpose,
            self.guidelines,
        )


@dataclass(frozen=True)
class Question:
    """How a pair is asked about.

    Attributes:
        purpose, shown_left, wanted, is_paid: as in `Lease`.
    """

    purpose: Purpose | None
    shown_left: Left
    wanted: int
    is_paid: bool = False


class Leases:
    """The leases of a queue; the caller holds the queue's lock.

    Args:
        queue: where they stand.
        budget: how long they are, and what they reserve.
        guidelines: the instructions that those who get them see.
    """

    def __init__(self, queue: Queue, budget: Budget, guidelines: GuidelinesFile) -> None:
        self._queue, self._budget, self._guidelines = queue, budget, guidelines

    def by_id(self, lease: str) -> Lease | None:
        """A lease that was not answered, expired or not."""
        row = self._queue.row("SELECT * FROM leases WHERE lease = ?", lease)
        return None if row is None else Lease.of(row)

    def end_impossible(self, now: float) -> None:
        """End what expires later than any lease can that was given by now: the clock ran ahead then."""
        latest = now + self._budget.lease_ms / 1000 + _AHEAD_S
        if self._queue.row("SELECT 1 FROM leases WHERE expires_at > ? LIMIT 1", latest) is not None:
            self._queue.change("UPDATE leases SET expires_at = ? WHERE expires_at > ?", now, latest)

    def held(self, annotator: str, now: float) -> Lease | None:
        """What an annotator is at, the last one first; a lease that nothing can come of any more ends."""
        sql = "SELECT * FROM leases WHERE annotator = ? AND expires_at > ? ORDER BY rowid DESC"
        for row in self._queue.rows(sql, annotator, now):
            lease = Lease.of(row)
            if self.has_place(lease):
                return lease
            self.end(lease, now)
        return None

    def has_place(self, lease: Lease) -> bool:
        """Whether a vote under it would be one: not beyond the people wanted, nor a person's second."""
        if lease.purpose is not None:
            return True
        tally = self._queue.row("SELECT standing, ruled FROM tally WHERE pair_id = ?", lease.pair_id)
        if tally is not None and (tally["ruled"] or tally["standing"] >= lease.wanted):
            return False
        return not self.has_said("vote", lease.annotator, lease.pair_id)

    def is_open(self, lease: Lease, now: float) -> bool:
        """As `has_place`, and of a lease that has expired, that nobody else was given its place."""
        if not self.has_place(lease):
            return False
        if lease.purpose is not None or lease.expires_at > now:
            return True
        row = self._queue.row("SELECT standing FROM tally WHERE pair_id = ?", lease.pair_id)
        standing = 0 if row is None else row["standing"]
        return standing + self.others(lease.pair_id, lease.annotator, now) < lease.wanted

    def others(self, pair_id: str, annotator: str, now: float) -> int:
        """How many other people are at a pair."""
        sql = """SELECT count(DISTINCT annotator) FROM leases
            WHERE pair_id = ? AND expires_at > ? AND purpose IS NULL AND annotator <> ?"""
        row = self._queue.row(sql, pair_id, now, annotator)
        assert row is not None
        return int(row[0])

    def has_said(self, kind: str, annotator: str, pair_id: str, stands: bool = True) -> bool:
        """Whether an annotator has a word on a pair.

        Args:
            kind: vote, gold or repeat.
            annotator, pair_id: whose, and on what.
            stands: whether it must stand; else one that was taken back counts too.
        """
        sql = "SELECT 1 FROM words WHERE pair_id = ? AND who = ? AND stands >= ? LIMIT 1"
        return self._queue.row(sql, pair_id, f"{kind}:{annotator}", int(stands)) is not None

    def was_paid(self, annotator: str, pair_id: str) -> bool:
        """Whether an annotator's vote on a pair was paid for before, and taken back."""
        sql = (
            "SELECT 1 FROM words WHERE pair_id = ? AND who = 'vote:' || ? AND verdict NOT NULL AND lease NOT NULL"
        )
        return self._queue.row(sql, pair_id, annotator) is not None

    def candidate(self, annotator: str, now: float) -> sqlite3.Row | None:
        """The first waiting pair of the batch that has a place for this annotator."""
        sql = """SELECT * FROM pairs WHERE standing < wanted AND NOT ruled
            AND pair_id NOT IN (SELECT pair_id FROM unshown)
            AND NOT EXISTS (
                SELECT 1 FROM words WHERE words.pair_id = pairs.pair_id AND words.stands
                AND words.who = 'vote:' || ?1)
            AND standing + (
                SELECT count(DISTINCT annotator) FROM leases WHERE leases.pair_id = pairs.pair_id
                AND leases.expires_at > ?2 AND leases.purpose IS NULL AND leases.annotator <> ?1) < wanted
            ORDER BY position LIMIT 1"""
        return self._queue.row(sql, annotator, now)

    def has_said_all(self, annotator: str) -> bool:
        """Whether pairs of the batch wait, and this annotator has a word on each of them."""
        sql = """SELECT min(EXISTS (
                SELECT 1 FROM words WHERE words.pair_id = pairs.pair_id AND words.stands
                AND words.who = 'vote:' || ?))
            FROM pairs WHERE standing < wanted AND NOT ruled"""
        row = self._queue.row(sql, annotator)
        return row is not None and bool(row[0])

    def are_over(self, now: float) -> bool:
        """Whether nobody is at anything."""
        return self._queue.row("SELECT 1 FROM leases WHERE expires_at > ? LIMIT 1", now) is None

    def reserved(self, now: float) -> Spent:
        """What open leases may cost yet."""
        sql = """SELECT coalesce(sum(labels), 0), coalesce(sum(nano), 0), coalesce(sum(ms), 0)
            FROM leases WHERE expires_at > ?"""
        row = self._queue.row(sql, now)
        assert row is not None
        return Spent(*row)

    def give(self, pair: Mapping[str, Any] | sqlite3.Row, annotator: str, question: Question, now: float) -> Lease:
        """Give a pair out.

        Args:
            pair: a row with pair_id, prompt_id, completion_a, completion_b and round.
            annotator: to whom.
            question: how it is asked about.
            now: seconds since 1970.
        """
        reserved = self._budget.most(question.is_paid)
        lease = Lease(
            lease=secrets.token_urlsafe(16),
            annotator=annotator,
            **{name: pair[name] for name in ("pair_id", "prompt_id", "completion_a", "completion_b")},
            round=pair["round"] or 0,
            expires_at=now + self._budget.lease_ms / 1000,
            guidelines=self._guidelines.now().version,
            **vars(question),
            **vars(reserved),
        )
        values = asdict(lease)
        places = ", ".join(f":{name}" for name in values)
        self._queue.change(f"INSERT INTO leases ({', '.join(values)}) VALUES ({places})", values)
        return lease

    def end(self, lease: Lease, now: float) -> None:
        """Let a lease expire."""
        self._queue.change("UPDATE leases SET expires_at = min(expires_at, ?) WHERE lease = ?", now, lease.lease)

    def keep(self, lease: Lease, until: float) -> None:
        """Keep a lease's place and what it reserves, while its answer is being written."""
        self._queue.change("UPDATE leases SET expires_at = max(expires_at, ?) WHERE lease = ?", until, lease.lease)

    def restore(self, lease: Lease) -> None:
        """Let a lease end when it was to end, since its answer could not be written."""
        self._queue.change("UPDATE leases SET expires_at = ? WHERE lease = ?", lease.expires_at, lease.lease)
