"""Desk: what the page, its API and the campaign's loop call."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from prefloop.campaign.desk.guidelines import Guidelines
from prefloop.campaign.desk.people import People
from prefloop.campaign.desk.task import Given, Outcome, Ruling, Task, Wait
from prefloop.config import Params
from prefloop.io.layout import Layout


@dataclass(frozen=True)
class Progress:
    """How far an annotator and the campaign are.

    Attributes:
        yours: the annotator's verdicts, gold items and repeats included.
        minute_rate: the annotator's verdicts per minute of work lately, None at first.
        total: standing verdicts of all.
        wanted: verdicts that the campaign wants: its budget, else those given and those that wait.
    """

    yours: int
    minute_rate: float | None
    total: int
    wanted: int


class Desk:
    """Gives comparisons out and takes verdicts."""

    def __init__(
        self, params: Params, layout: Layout, people: People, clock: Callable[[], float] = time.time
    ) -> None:
        raise NotImplementedError

    def refresh(self) -> None:
        """Take the pairs of batch.parquet, which has changed, into the queue."""
        raise NotImplementedError

    def next(self, annotator: str) -> Task | Wait:
        """What a person is to answer now; the same until it is answered or its lease has expired."""
        raise NotImplementedError

    def answer(self, annotator: str, given: Given) -> Future[Outcome]:
        """Take an answer; it is acknowledged when it is on the disk."""
        raise NotImplementedError

    def undo(self, annotator: str, lease: str | None = None) -> Future[Task]:
        """Take a verdict back and give its comparison out again: that of a lease, or the last."""
        raise NotImplementedError

    def adjudicate(self, annotator: str, pair_id: str, verdict: Ruling) -> Future[Outcome]:
        """Decide a pair, whatever its votes."""
        raise NotImplementedError

    def conflicts(self, limit: int = 50) -> list[dict[str, Any]]:
        """Undecided pairs with votes for both answers."""
        raise NotImplementedError

    def progress(self, annotator: str) -> Progress:
        """How far an annotator and the campaign are."""
        raise NotImplementedError

    def guidelines(self) -> Guidelines:
        """The instructions in force."""
        raise NotImplementedError

    def waiting(self) -> int:
        """Comparisons that can still be given out."""
        raise NotImplementedError

    def close(self) -> None:
        """Write what was taken, and let go of the campaign."""
        raise NotImplementedError
