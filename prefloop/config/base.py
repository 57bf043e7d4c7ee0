"""Bases of parameter models: frozen, unknown keys refused, no defaults in code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """One section of a parameter file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Whole(Section):
    """All of a parameter file.

    Attributes:
        FILE: where it lies, from the repository's root.
        RENAMED: keys that had another name once, with today's.
    """

    FILE: ClassVar[str]
    RENAMED: ClassVar[Mapping[str, str]] = {}
