"""What stands in a label file, row by row: a verdict on two answers by their sides, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefloop.errors import DataError
from prefloop.labels.label import Label, Left
from prefloop.labels.verdicts import Word

Side = Literal["left", "right"]


@dataclass(frozen=True, slots=True)
class Said:
    """A verdict as a file has it, before it is known what stood left.

    Attributes:
        row: where it stands.
        pair_id: the pair.
        verdict: a side, or a verdict that needs none.
        annotator: who, where the file says so.
        texts: prompt, left and right under the names of their columns, as far as the file has them.
        left_id, right_id: ids of the completions that stood there, where the file says so.
        left: which completion stood left, where the file says that instead.
        strength: how strong the preference is, 0 to 1.
        comment, guidelines, timestamp: as in `Label`.
        duration_ms, round: as in `Label`.
    """

    row: int
    pair_id: str
    verdict: Side | Word
    annotator: str | None = None
    texts: tuple[tuple[str, str], ...] = ()
    left_id: str | None = None
    right_id: str | None = None
    left: Left | None = None
    strength: float | None = None
    comment: str | None = None
    guidelines: str | None = None
    timestamp: str | None = None
    duration_ms: int | None = None
    round: int | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A label as a log has it."""

    row: int
    label: Label


@dataclass(frozen=True, slots=True)
class Unsaid:
    """A row that holds no label.

    Attributes:
        row: where it stands.
        reason: empty, half_filled, draft, cancelled, unfinished (the file ends within it), no_answer, superseded
            or no_vote.
    """

    row: int
    reason: str


Read = Said | Told | Unsaid | DataError
