"""Bodies of requests and answers of the JSON API; what is not expected is refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from prefloop.desk.task import Given, Shown, Side, Strength
from prefloop.labels.verdicts import Ruling

_Word = Annotated[str, Field(min_length=1, max_length=80)]
# A day; a longer time was not spent on one comparison.
_LONGEST_MS = 86_400_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class VerdictBody(_Body):
    """A verdict on the comparison of a lease."""

    lease: Annotated[str, Field(min_length=1, max_length=80)]
    verdict: Shown
    duration_ms: Annotated[int, Field(ge=0, le=_LONGEST_MS)]
    strength: Strength | None = None
    reasons: Annotated[list[_Word], Field(max_length=100)] = []
    criteria: Annotated[dict[_Word, Side | Literal["tie"]], Field(max_length=100)] = {}
    comment: Annotated[str, Field(max_length=10_000)] | None = None

    @property
    def given(self) -> Given:
        """The same for the desk."""
        return Given(
            lease=self.lease,
            verdict=self.verdict,
            duration_ms=self.duration_ms,
            strength=self.strength,
            reasons=tuple(self.reasons),
            criteria=dict(self.criteria),
            comment=self.comment or None,
        )


class UndoBody(_Body):
    """Which verdict is taken back: that of a lease, so that a request sent twice takes back one; else the last."""

    lease: Annotated[str, Field(min_length=1, max_length=80)] | None = None


class AdjudicationBody(_Body):
    """The last word on a pair."""

    pair_id: Annotated[str, Field(min_length=1, max_length=80)]
    verdict: Ruling


class LoginBody(_Body):
    """A token, for the page's cookie."""

    token: Annotated[str, Field(min_length=1, max_length=200)]


class MessageOut(BaseModel):
    """One message of a conversation: as it came, and as safe HTML."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    html: str
    tool_calls: list[dict[str, Any]] | None = None


class Asks(BaseModel):
    """What may be answered."""

    verdicts: list[Shown]
    strength: bool
    reasons: list[str]
    criteria: list[str]
    comment: bool


class Progress(BaseModel):
    """How far the annotator and the campaign are.

    `yours`: own verdicts; `minute_rate`: own verdicts per minute lately, null at first; `total`: verdicts of all;
    `wanted`: those that the campaign wants as far as is known; `last_lease`: that of the verdict that an undo
    takes back, null without one.
    """

    yours: int
    minute_rate: float | None
    total: int
    wanted: int
    last_lease: str | None = None


class TaskOut(BaseModel):
    """A comparison to answer."""

    lease: str
    expires_at: str
    pair_id: str
    ids: list[str] | None = None
    round: int
    prompt: list[MessageOut]
    left: list[MessageOut]
    right: list[MessageOut]
    guidelines_version: str | None
    asks: Asks
    progress: Progress


class OutcomeOut(BaseModel):
    """What stands in the log for a lease."""

    lease: str
    pair_id: str
    verdict: Shown
    timestamp: str


class DecidedOut(BaseModel):
    """An adjudication that stands in the log."""

    pair_id: str
    verdict: Ruling
    timestamp: str


class ConflictOut(BaseModel):
    """A disputed pair; its votes have annotator, verdict, timestamp, strength, reasons and comment."""

    pair_id: str
    ids: list[str] | None = None
    round: int | None
    prompt: list[MessageOut]
    a: list[MessageOut]
    b: list[MessageOut]
    votes: list[dict[str, Any]]


class ConflictsOut(BaseModel):
    """The oldest disputed pairs.

    `total`: how many there are; `without_texts`: those among the oldest that cannot be shown, as their texts
    have left the data.
    """

    total: int
    without_texts: int
    conflicts: list[ConflictOut]


class GuidelinesOut(BaseModel):
    """The instructions, as Markdown and as safe HTML; null where the campaign has none."""

    version: str | None
    markdown: str | None
    html: str | None


class ErrorOut(BaseModel):
    """Why a request was refused; `code`: which refusal of the campaign's desk it is, null for any other."""

    error: str
    code: str | None = None
    problems: list[dict[str, str]] | None = None
