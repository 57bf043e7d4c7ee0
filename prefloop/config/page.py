"""Section `page`: what annotators see and are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from prefloop.config.shared import Distinct
from prefloop.section import Section

Word = Annotated[str, Field(min_length=1, max_length=80)]
Words = Annotated[tuple[Word, ...], Distinct]
Half = Annotated[float, Field(ge=0, le=0.5)]


class Page(Section):
    """Section `page`."""

    title: Annotated[str, Field(min_length=1, max_length=200)]
    guidelines: Path | None
    verdicts: Annotated[tuple[Literal["tie", "both_bad", "skip"], ...], Distinct]
    strength: bool
    reasons: Words
    criteria: Words
    comment: bool
    lease_minutes: Annotated[float, Field(ge=0.1, le=1440)]
    gold: Path | None
    gold_share: Half
    repeat_share: Half
