"""Loop of a campaign: while people label, rounds are made in the background whenever few comparisons wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import pyarrow.parquet as pq

from prefloop.campaign.rounds import RoundFailed, new_lines
from prefloop.io.layout import Layout

log = logging.getLogger("prefloop")

POLL_S = 0.25
_BACKOFF_S, _LONGEST_S, _END_S = 5.0, 300.0, 10.0


class Open(Protocol):
    """What the loop asks of a desk."""

    def open(self) -> int:
        """Comparisons that want a further verdict."""

    def is_spent(self) -> bool:
        """Whether the budget covers no further comparison."""

    def refresh(self) -> None:
        """Take up a new batch."""


class Maker(Protocol):
    """What makes a round."""

    def make(self) -> None:
        """Make a round; raises `RoundFailed`."""

    def stop(self) -> None:
        """End the one that is being made."""


@dataclass(frozen=True)
class View:
    """A campaign as the loop sees it.

    Attributes:
        batch: comparisons that wanted a verdict right after the last round.
        open: those that want one now.
        new: lines of the log since the last round.
        spent: whether the budget covers no further comparison.
    """

    batch: int
    open: int
    new: int
    spent: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nobody will be asked anything again: the pool is used up, or the budget."""
        return not self.batch or self.spent


def is_due(view: View, buffer: int) -> bool:
    """Whether a round is to be made now.

    A round chooses further comparisons once no more than the buffer are open; before that it would cost a training
    and bring nothing. Where no more were open right after the last round, the pool has no others: then the rest is
    waited for, and one round more learns from it. So does one when the budget is spent.
    """
    most = buffer if view.batch > buffer else 0
    return view.new > 0 and (view.is_over or view.open <= most)


def backoff(failures: int) -> float:
    """Seconds until a failed round is tried again: twice as long each time."""
    return min(_BACKOFF_S * 2.0 ** min(failures - 1, 16), _LONGEST_S)


class Loop:
    """Makes the rounds of a campaign that is being served.

    Args:
        desk: its desk.
        layout: where its files lie.
        buffer: section `campaign`.
        rounds: makes one.
        tell: called after each round, and with the failure of one that failed.
        clock: seconds, for the time between two tries.
    """

    def __init__(
        self,
        desk: Open,
        layout: Layout,
        buffer: int,
        rounds: Maker,
        tell: Callable[[RoundFailed | None], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk, self._layout, self._buffer = desk, layout, buffer
        self._rounds, self._tell, self._clock = rounds, tell, clock
        self._failures, self._again_at, self._is_owed = 0, 0.0, False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rounds", daemon=True)

    def start(self, at_once: bool) -> None:
        """Begin; `at_once` with a round, since anything may have changed while nothing was served."""
        self._is_owed = at_once
        self._thread.start()

    def stop(self) -> None:
        """End, and with it the round that is being made; what it had finished stays."""
        self._stop.set()
        self._rounds.stop()
        if self._thread.is_alive():
            self._thread.join(_END_S)

    def step(self) -> bool:
        """Look, and make a round where one is due; whether one was made."""
        if self._clock() < self._again_at or not (self._is_owed or is_due(self.look(), self._buffer)):
            return False
        try:
            self._rounds.make()
        except RoundFailed as error:
            if not self._stop.is_set():
                self._put_off()
                self._tell(error)
            return False
        self._failures, self._is_owed = 0, False
        self._desk.refresh()
        self._tell(None)
        return True

    def look(self) -> View:
        """The campaign as it stands."""
        batch, layout = self._layout.batch, self._layout
        rows = pq.read_metadata(batch).num_rows if batch.is_file() else 0
        lines = new_lines(layout.labels, layout.label_snapshot)
        return View(rows, self._desk.open(), lines, self._desk.is_spent())

    def _put_off(self) -> None:
        self._failures, self._is_owed = self._failures + 1, True
        self._again_at = self._clock() + backoff(self._failures)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.step()
            except Exception:
                # People go on labelling whatever happens here; what waits is in the log.
                self._put_off()
                log.exception("the campaign's loop failed; it tries again in %.0f s", backoff(self._failures))
            self._stop.wait(POLL_S)
