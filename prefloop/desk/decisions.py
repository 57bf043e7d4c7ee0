"""Decisions: whether an answer, an undo or an adjudication is taken, and which line of the log it becomes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from prefloop.config.page import Page
from prefloop.desk.budget import BILLION, NOTHING, Budget, Spent
from prefloop.desk.leases import Lease, Leases, Question
from prefloop.desk.queue import Queue
from prefloop.desk.tables import LAST_WORD
from prefloop.desk.task import (
    STRENGTHS,
    AnothersLease,
    Decided,
    Given,
    Gone,
    NotAsked,
    NothingToUndo,
    Outcome,
    OverBudget,
    Task,
    UnknownLease,
    UnknownPair,
    turned_by_side,
)
from prefloop.labels.label import WITHDRAWN, Label
from prefloop.labels.verdicts import Ruling


@dataclass(frozen=True)
class Answering:
    """An annotator answers."""

    annotator: str
    given: Given


@dataclass(frozen=True)
class Undoing:
    """An annotator takes the verdict of a lease back, or the last."""

    annotator: str
    lease: str | None


@dataclass(frozen=True)
class Adjudicating:
    """An admin decides a pair."""

    annotator: str
    pair_id: str
    verdict: Ruling


@dataclass(frozen=True)
class ReadingOn:
    """What others have appended is taken in."""


@dataclass(frozen=True)
class Decision:
    """What becomes of a job.

    Attributes:
        labels: lines to append.
        outcome: called once they are there, says what came of it.
        lease: the lease that they answer, if any.
        cost: what they cost.
    """

    labels: list[Label]
    outcome: Callable[[], Any]
    lease: Lease | None = None
    cost: Spent = NOTHING


class Decisions:
    """Decides; the caller holds the queue's lock, and has read the log on.

    Args:
        queue: what is known.
        leases: those of the queue.
        budget: limits and prices.
        page: what is asked.
        clock: seconds since 1970.
    """

    def __init__(
        self, queue: Queue, leases: Leases, budget: Budget, page: Page, clock: Callable[[], float]
    ) -> None:
        self._queue, self.leases, self._budget, self._page, self._clock = queue, leases, budget, page, clock

    def pair_of(self, job: Answering) -> str:
        """The pair that an answer is about; of an unknown lease, its id."""
        lease = self.leases.by_id(job.given.lease)
        return job.given.lease if lease is None else lease.pair_id

    def decide(self, job: Answering | Undoing | Adjudicating, before: Spent, freed: Spent, now: float) -> Decision:
        """What becomes of a job.

        Args:
            job: it.
            before: cost of answers that go into the log with it, before it, on other pairs.
            freed: what the leases of those answers had reserved.
            now: seconds since 1970.

        Raises:
            Refused: it is not taken.
        """
        self.leases.end_impossible(now)
        if isinstance(job, Undoing):
            return self._undo(job, now)
        if isinstance(job, Adjudicating):
            return self._adjudicate(job, now)
        word = self._queue.row("SELECT * FROM words WHERE lease = ? AND verdict IS NOT NULL", job.given.lease)
        if word is not None:
            _check_owner(word["annotator"], job.annotator)
            return Decision([], lambda: _known(word))
        lease = self.leases.by_id(job.given.lease)
        if lease is None:
            raise UnknownLease("no such lease; ask for the next comparison")
        _check_owner(lease.annotator, job.annotator)
        self._check_asked(job.given)
        if not self.leases.is_open(lease, now):
            raise Gone("this lease has expired and its place is taken, or the pair is decided")
        cost = self._budget.of_answer(job.given.duration_ms, lease.is_paid)
        spent = self._queue.spent + before + cost
        if lease.expires_at <= now:  # what others have reserved comes first
            spent += self.leases.reserved(now) - freed
        if not self._budget.covers(spent):
            raise OverBudget("the budget of this campaign is used up")
        return self._answer(job.given, lease, cost, now)

    def _answer(self, given: Given, lease: Lease, cost: Spent, now: float) -> Decision:
        label = _line(
            lease,
            lease.annotator,
            now,
            verdict=turned_by_side(given.verdict, lease.shown_left),
            strength=STRENGTHS[given.strength] if given.strength else None,
            shown_left=lease.shown_left,
            duration_ms=given.duration_ms,
            cost=cost.nano / BILLION,
            rubric_version=lease.guidelines,
            purpose=lease.purpose,
            lease=lease.lease,
            reasons=given.reasons or None,
            criteria={k: turned_by_side(v, lease.shown_left) for k, v in given.criteria.items()} or None,
            comment=given.comment,
        )
        outcome = Outcome(lease.lease, lease.pair_id, given.verdict, label.timestamp)
        return Decision([label], lambda: outcome, lease, cost)

    def _check_asked(self, given: Given) -> None:
        page = self._page
        if given.verdict not in ("left", "right", *page.verdicts):
            raise NotAsked(f"verdict: {given.verdict} is not offered in this campaign")
        if given.strength and not (page.strength and given.verdict in ("left", "right")):
            raise NotAsked("strength: not asked, or not with this verdict")
        if set(given.reasons) - set(page.reasons) or len(set(given.reasons)) < len(given.reasons):
            raise NotAsked("reasons: one is not offered in this campaign, or given twice")
        if set(given.criteria) - set(page.criteria):
            raise NotAsked("criteria: one is not asked in this campaign")
        if given.comment and not page.comment:
            raise NotAsked("comment: not asked in this campaign")

    def _undo(self, job: Undoing, now: float) -> Decision:
        word = self._word_to_undo(job)
        if not word["stands"]:  # the same request before, perhaps
            task = self._asked_again(word, now)
            return Decision([], lambda: task)
        tally = self._queue.row("SELECT * FROM tally WHERE pair_id = ?", word["pair_id"])
        if tally is not None and tally["ruled"]:
            raise NothingToUndo("an admin has decided this pair")
        after = self._queue.spent + self.leases.reserved(now) + self._budget.most(is_paid=True)
        if not self._budget.covers(after - Spent(labels=1)):
            raise OverBudget("the budget of this campaign leaves nothing for a second look")
        line = _line(word, job.annotator, now, reason=WITHDRAWN, purpose=word["purpose"])
        return Decision([line], lambda: self._ask_again(word))

    def _word_to_undo(self, job: Undoing) -> sqlite3.Row:
        if job.lease is None:
            word = self._queue.row(LAST_WORD, job.annotator)
        else:
            word = self._queue.row("SELECT * FROM words WHERE lease = ? AND verdict IS NOT NULL", job.lease)
        if word is None or word["shown_left"] is None:
            raise NothingToUndo("there is no verdict of yours to take back")
        _check_owner(word["annotator"], job.annotator)
        return word

    def _asked_again(self, word: sqlite3.Row, now: float) -> Task:
        """The comparison of a verdict that was taken back, while whoever did so is at it."""
        row = self._queue.row(
            "SELECT * FROM leases WHERE annotator = ? AND pair_id = ? AND expires_at > ? AND purpose IS ?",
            *(word["annotator"], word["pair_id"], now, word["purpose"]),
        )
        if row is None:
            raise NothingToUndo("this verdict was taken back before")
        return Lease.of(row).task

    def _ask_again(self, word: sqlite3.Row) -> Task:
        """Give a pair out to whoever has just taken their word on it back."""
        pair = self._queue.row("SELECT wanted FROM pairs WHERE pair_id = ?", word["pair_id"])
        tally = self._queue.row("SELECT standing FROM tally WHERE pair_id = ?", word["pair_id"])
        # The place is their own, whether the pair is in the batch still or not.
        wanted = max(pair["wanted"] if pair else 1, (tally["standing"] if tally else 0) + 1)
        question = Question(word["purpose"], word["shown_left"], wanted, is_paid=True)
        return self.leases.give(word, word["annotator"], question, self._clock()).task

    def _adjudicate(self, job: Adjudicating, now: float) -> Decision:
        word = self._queue.row("SELECT * FROM words WHERE pair_id = ? ORDER BY round IS NULL LIMIT 1", job.pair_id)
        word = word or self._queue.row("SELECT * FROM pairs WHERE pair_id = ?", job.pair_id)
        if word is None:
            raise UnknownPair("nobody was asked about such a pair")
        ruling = self._queue.row(
            "SELECT * FROM words WHERE pair_id = ? AND who = 'adjudication' AND stands", job.pair_id
        )
        if ruling is not None and ruling["verdict"] == job.verdict:
            return Decision([], lambda: Decided(job.pair_id, job.verdict, ruling["timestamp"], known=True))
        line = _line(word, job.annotator, now, verdict=job.verdict, purpose="adjudication")
        return Decision([line], lambda: Decided(job.pair_id, job.verdict, line.timestamp))


def _check_owner(owner: str, annotator: str) -> None:
    if owner != annotator:
        raise AnothersLease("this lease was given to somebody else")


def _known(word: sqlite3.Row) -> Outcome:
    verdict: Any = turned_by_side(word["verdict"], word["shown_left"])
    return Outcome(word["lease"], word["pair_id"], verdict, word["timestamp"], known=True)


def _line(row: Any, annotator: str, now: float, **said: Any) -> Label:
    """A line on the pair of a row, by a person."""
    names = ("pair_id", "prompt_id", "completion_a", "completion_b")
    ids = {name: getattr(row, name) if isinstance(row, Lease) else row[name] for name in names}
    round_ = row.round if isinstance(row, Lease) else row["round"]
    time = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
    return Label(**ids, round=round_ or 0, annotator=annotator, timestamp=time, source="human", **said)
