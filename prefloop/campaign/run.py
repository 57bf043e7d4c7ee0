"""Loop of a campaign: while people label, rounds are made in the background whenever few comparisons wait."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from prefloop.campaign.issued import is_untouched
from prefloop.campaign.rounds import RoundFailed, new_lines
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.labels.table import read_label_table

log = logging.getLogger("prefloop")

POLL_S = 0.25
_BACKOFF_S, _LONGEST_S, _END_S = 5.0, 300.0, 10.0


class Open(Protocol):
    """What the loop asks of a desk."""

    def open(self) -> int:
        """Comparisons that nobody has answered."""

    def further(self) -> int:
        """Comparisons that somebody has answered, and that want a further person."""

    def is_stuck(self) -> bool:
        """Whether what waits wants people who are not there."""

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
        fresh: those of them that nobody had answered.
        open: those that nobody has answered now.
        further: those that somebody has, and that want a further person.
        new: lines of the log since the last round.
        stuck: whether what waits wants people who are not there.
        spent: whether the budget covers no further comparison.
    """

    batch: int
    fresh: int
    open: int
    further: int
    new: int
    stuck: bool = False
    spent: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nobody will be asked anything again: the pool is used up, or the budget."""
        return not self.batch or self.spent


def is_due(view: View, buffer: int) -> bool:
    """Whether a round is to be made now.

    A round chooses further comparisons once no more than the buffer are open; before that it would cost a training
    and bring nothing. What waits for a further person does not count: few may ever come. Where no more were open
    right after the last round, the pool has no others: then the rest is waited for, as long as anybody is there
    who can answer it, and one round more learns from it. So does one when the budget is spent.
    """
    if not view.new or view.is_over:
        return view.new > 0
    if view.fresh > buffer:
        return view.open <= buffer
    return not view.open and (not view.further or view.stuck)


def backoff(failures: int) -> float:
    """Seconds until a failed round is tried again: twice as long each time."""
    return min(_BACKOFF_S * 2.0 ** min(failures - 1, 16), _LONGEST_S)


def sizes_of(batch: Path, labels: Path) -> tuple[int, int]:
    """Comparisons of a batch, and those of them that nobody had answered when it was made.

    Args:
        batch, labels: as the same round wrote them; both may be missing.

    Raises:
        StateError: one of them is damaged.
    """
    if not batch.is_file():
        return 0, 0
    pairs = read_table(batch, ["pair_id"])["pair_id"]
    if not labels.is_file():
        return len(pairs), len(pairs)
    return len(pairs), int(is_untouched(pairs, read_label_table(labels).pairs).sum())


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
        self._seen: tuple[int | None, ...] | None = None
        self._sizes = (0, 0)
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
                self._say(error)
            return False
        self._failures, self._is_owed = 0, False
        self._desk.refresh()
        self._say(None)
        return True

    def look(self) -> View:
        """The campaign as it stands."""
        desk, layout = self._desk, self._layout
        batch, fresh = self._last_batch()
        lines = new_lines(layout.labels, layout.label_snapshot)
        return View(batch, fresh, desk.open(), desk.further(), lines, desk.is_stuck(), desk.is_spent())

    def _last_batch(self) -> tuple[int, int]:
        """Comparisons of the last round's batch, and those of them that nobody had answered then."""
        paths = (self._layout.batch, self._layout.label_table)
        seen = tuple(path.stat().st_mtime_ns if path.is_file() else None for path in paths)
        if seen != self._seen:
            self._sizes, self._seen = sizes_of(*paths), seen
        return self._sizes

    def _say(self, failure: RoundFailed | None) -> None:
        """Tell of a round; where that fails (a closed terminal, say), the round is made all the same."""
        try:
            self._tell(failure)
        except Exception:
            log.exception("a round was made, or failed, and could not be told of")

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
