"""Questions: what a person is asked next, a pair of the batch, a gold item or a pair of their own once more."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from prefloop.config import Params
from prefloop.desk.budget import Budget
from prefloop.desk.gold import Gold, kind_of_question, pick_repeat, stands_left
from prefloop.desk.leases import Lease, Leases, Question
from prefloop.desk.queue import Queue
from prefloop.desk.task import Wait

# A repeat is drawn from so many of a person's last votes, but for the very last.
_REPEATED, _FRESH = 200, 5


class Questions:
    """Chooses; the caller holds the queue's lock.

    Args:
        queue, leases, budget: the campaign's.
        gold: its gold items.
        params: parameters in force.
    """

    def __init__(self, queue: Queue, leases: Leases, budget: Budget, gold: Gold, params: Params) -> None:
        self._queue, self._leases, self._budget, self._gold = queue, leases, budget, gold
        self._seed, self._page = params.campaign.seed, params.page

    def next(self, annotator: str, now: float) -> Lease | Wait:
        """Give something out.

        Gold items and repeats come only while there is something else to ask, and in its place, so that nobody
        is kept busy with them alone.
        """
        spent = self._queue.spent + self._budget.most()
        if not self._budget.covers(spent):
            return Wait("budget")
        pair = self._leases.candidate(annotator, now)
        if pair is None:
            if self._queue.is_used_up:
                return Wait("done")
            return Wait("others" if self._leases.has_said_all(annotator) else "empty")
        if not self._budget.covers(spent + self._leases.reserved(now)):
            return Wait("empty")  # what others have reserved may come back
        count = self._queue.answers_of(annotator)
        kind = kind_of_question(self._seed, annotator, count, self._page.gold_share, self._page.repeat_share)
        other = self._gold_item(annotator) if kind == "gold" else None
        other = self._repeat(annotator, count) if kind == "repeat" else other
        purpose = None if other is None or kind == "vote" else kind
        is_paid = purpose is None and self._leases.was_paid(annotator, pair["pair_id"])
        asked = dict(pair) | (other or {}) | {"round": pair["round"]}
        side = stands_left(self._seed, annotator, asked["pair_id"], purpose == "repeat")
        return self._leases.give(asked, annotator, Question(purpose, side, pair["wanted"], is_paid), now)

    def _gold_item(self, annotator: str) -> dict[str, Any] | None:
        def is_asked(pair_id: str) -> bool:
            return self._leases.has_said("gold", annotator, pair_id, stands=False)

        item = self._gold.pick(self._seed, annotator, is_asked)
        return None if item is None else asdict(item)

    def _repeat(self, annotator: str, count: int) -> dict[str, Any] | None:
        rows = self._queue.rows(
            """SELECT * FROM words WHERE annotator = ? AND stands AND purpose IS NULL AND lease IS NOT NULL
            AND verdict <> 'skip' AND pair_id NOT IN (SELECT pair_id FROM unshown)
            ORDER BY seq DESC LIMIT ? OFFSET ?""",
            *(annotator, _REPEATED, _FRESH),
        )
        rows = [
            row for row in rows if not self._leases.has_said("repeat", annotator, row["pair_id"], stands=False)
        ]
        if not rows:
            return None
        return dict(rows[pick_repeat(self._seed, annotator, count, [row["pair_id"] for row in rows])])
