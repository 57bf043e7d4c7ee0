"""What the routes of the JSON API do, for the page's views as well."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from prefloop.config import Params
from prefloop.desk import Desk
from prefloop.desk.guidelines import Guidelines
from prefloop.desk.people import Person
from prefloop.desk.task import Gone, Task, Wait
from prefloop.messages.message import Message, as_dicts
from prefloop.page.bodies import Asks, ConflictOut, ConflictsOut, GuidelinesOut, MessageOut, Progress, TaskOut
from prefloop.page.texts import Texts, TextsGone

log = logging.getLogger("prefloop")
# Conflicts that an admin gets at once, at least, where there are so many.
_CONFLICTS = 50
Render = Callable[[str], str]


class Api:
    """The campaign as people see it.

    Args:
        desk, texts, params, render, campaign_status: as for `create_app`.
    """

    def __init__(
        self,
        desk: Desk,
        texts: Texts,
        params: Params,
        render: Render,
        campaign_status: Callable[[], Mapping[str, Any]] | None,
    ) -> None:
        self.desk, self._texts, self._params, self._render = desk, texts, params, render
        self._campaign_status = campaign_status

    def next(self, person: Person) -> TaskOut | Wait:
        """The comparison that a person is to answer now; never one whose texts have left the data."""
        while not isinstance(given := self.desk.next(person.name), Wait):
            try:
                return self.shown(given)
            except TextsGone as gone:
                log.warning("not asked: %s", gone)
                self.desk.set_aside(given)
        return given

    def shown_again(self, task: Task) -> TaskOut:
        """A task that came of an undo.

        Raises:
            Gone: its texts have left the data; the verdict was taken back all the same.
        """
        try:
            return self.shown(task)
        except TextsGone:
            self.desk.set_aside(task)
            raise Gone(
                "your verdict is taken back; its texts have left the data, so it is not asked again"
            ) from None

    def shown(self, task: Task) -> TaskOut:
        """A task with all that is shown of it; that it is a gold item or a repeat is not."""
        pair = self._texts.of(task.pair_id, task.prompt_id, (task.left_id, task.right_id))
        return TaskOut(
            lease=task.lease,
            expires_at=datetime.fromtimestamp(task.expires_at, UTC).isoformat(timespec="seconds"),
            pair_id=task.pair_id,
            # Gold items have none, or others.
            ids=None if self.desk.gold.items else list(pair.ids) or None,
            round=task.round,
            prompt=self.messages(pair.prompt),
            left=self.messages(pair.completions[task.left_id]),
            right=self.messages(pair.completions[task.right_id]),
            guidelines_version=task.guidelines,
            asks=self.asks(),
            progress=self.progress(task.annotator),
        )

    def messages(self, messages: Sequence[Message]) -> list[MessageOut]:
        """Messages as they came, and as safe HTML."""
        return [MessageOut(html=self._render(one["content"]), **one) for one in as_dicts(messages)]

    def asks(self) -> Asks:
        """What may be answered."""
        page = self._params.page
        return Asks(
            verdicts=["left", "right", *page.verdicts],
            strength=page.strength,
            reasons=list(page.reasons),
            criteria=list(page.criteria),
            comment=page.comment,
        )

    def progress(self, annotator: str) -> Progress:
        """How far the annotator and the campaign are."""
        return Progress(**asdict(self.desk.progress(annotator)))

    def status(self, person: Person) -> dict[str, Any]:
        """Own and campaign progress; an admin sees all of the campaign."""
        seen: dict[str, Any] = {"annotator": person.name, "role": person.role}
        seen["progress"] = self.progress(person.name).model_dump()
        if person.is_admin and self._campaign_status is not None:
            seen["campaign"] = dict(self._campaign_status())
        return seen

    def guidelines(self) -> GuidelinesOut:
        """The instructions in force."""
        now: Guidelines = self.desk.guidelines()
        shown = None if now.markdown is None else self._render(now.markdown)
        return GuidelinesOut(version=now.version, markdown=now.markdown, html=shown)

    def conflicts(self) -> ConflictsOut:
        """Disputed pairs, the oldest first; those whose texts have left the data are counted alone."""
        shown: list[ConflictOut] = []
        count = 0
        while len(shown) < _CONFLICTS and (page := self.desk.conflicts(_CONFLICTS, count)).first:
            self._texts.find(page.first)
            for row in page.first:
                with suppress(TextsGone):
                    shown.append(self._conflict(row))
            count += len(page.first)
        return ConflictsOut(total=page.total, without_texts=count - len(shown), conflicts=shown)

    def _conflict(self, row: Mapping[str, Any]) -> ConflictOut:
        a, b = row["completion_a"], row["completion_b"]
        pair = self._texts.of(row["pair_id"], row["prompt_id"], (a, b))
        return ConflictOut(
            pair_id=row["pair_id"],
            ids=list(pair.ids) or None,
            round=row["round"],
            prompt=self.messages(pair.prompt),
            a=self.messages(pair.completions[a]),
            b=self.messages(pair.completions[b]),
            votes=row["votes"],
        )
