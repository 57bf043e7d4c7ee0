"""Tasks, answers and refusals: what passes between the desk and those who sit before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from prefloop.errors import PrefloopError
from prefloop.labels.label import Left, Purpose
from prefloop.labels.verdicts import Ruling

Side = Literal["left", "right"]
Shown = Literal["left", "right", "tie", "both_bad", "skip"]
Strength = Literal["slightly", "clearly"]

STRENGTHS: dict[Strength, float] = {"slightly": 0.5, "clearly": 1.0}


@dataclass(frozen=True)
class Task:
    """A comparison that one person was given.

    Attributes:
        lease: its id; the answer names it.
        annotator: who was given it.
        pair_id, prompt_id, left_id, right_id: ids; left_id stands left.
        round: the batch's round.
        expires_at: from when on it may be given to somebody else, seconds since 1970.
        purpose: gold or repeat, which whoever answers must not be told; None for a vote.
        guidelines: digest of the instructions in force, None without any.
    """

    lease: str
    annotator: str
    pair_id: str
    prompt_id: str
    left_id: str
    right_id: str
    round: int
    expires_at: float
    purpose: Purpose | None = None
    guidelines: str | None = None

    @property
    def shown_left(self) -> Left:
        """Which completion stands left."""
        return "a" if self.left_id < self.right_id else "b"


@dataclass(frozen=True)
class Wait:
    """Why there is nothing to answer now.

    Attributes:
        reason: empty (the next batch will bring more, or a pair that another person has comes back), others (all
            that waits has this person's word already, and wants another's), budget (it is used up) or done
            (nothing is left to label).
    """

    reason: Literal["empty", "others", "budget", "done"]


@dataclass(frozen=True)
class Given:
    """What a person says of a task.

    Attributes:
        lease: the task's.
        verdict: by side.
        strength: how much better, where that is asked.
        reasons: ticked ones.
        criteria: sides by criterion.
        comment: the person's own words.
        duration_ms: time from showing to answering, milliseconds.
    """

    lease: str
    verdict: Shown
    duration_ms: int
    strength: Strength | None = None
    reasons: tuple[str, ...] = ()
    criteria: Mapping[str, Side | Literal["tie"]] = field(default_factory=dict)
    comment: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What stands in the log for a lease.

    Attributes:
        lease, pair_id: ids.
        verdict: by side, as it stands in the log.
        timestamp: when it was written.
        known: whether it stood there before.
    """

    lease: str
    pair_id: str
    verdict: Shown
    timestamp: str
    known: bool = False


@dataclass(frozen=True)
class Decided:
    """An adjudication that stands in the log.

    Attributes:
        pair_id: the pair.
        verdict: the last word on it.
        timestamp: when it was written.
        known: whether it stood there before.
    """

    pair_id: str
    verdict: Ruling
    timestamp: str
    known: bool = False


def turned_by_side(word: str, shown_left: str) -> str:
    """A verdict of a or b as one of left or right, and the other way round; others stay.

    Args:
        word: a, b, left, right, tie, both_bad or skip.
        shown_left: which completion stands left, a or b.
    """
    turns = {"a": "left", "b": "right", "left": "a", "right": "b"}
    if shown_left == "b":
        turns = {"a": "right", "b": "left", "left": "b", "right": "a"}
    return turns.get(word, word)


class Refused(PrefloopError):
    """An answer, an undo or an adjudication that the desk does not take; nothing of it is in the log.

    Attributes:
        status: the API's status code.
        code: which refusal it is, in one word for machines.
    """

    status = 400
    code = "refused"


class UnknownLease(Refused):
    """No such lease."""

    status = 404
    code = "unknown_lease"


class UnknownPair(Refused):
    """Nobody was asked about such a pair."""

    status = 404
    code = "unknown_pair"


class AnothersLease(Refused):
    """The lease was given to somebody else."""

    status = 403
    code = "anothers_lease"


class Gone(Refused):
    """The lease has expired and its place is taken, or the pair is decided."""

    status = 410
    code = "gone"


class OverBudget(Refused):
    """The budget does not cover it."""

    status = 409
    code = "over_budget"


class NothingToUndo(Refused):
    """There is no verdict to take back."""

    status = 409
    code = "nothing_to_undo"


class NotAsked(Refused):
    """The answer says what was not asked: a verdict, reason or criterion that is not offered."""

    status = 422
    code = "not_asked"
