"""Events of simulated runs, as they are told to the process that started them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

Key = tuple[str, int]


@dataclass(frozen=True)
class RoundDone:
    """One finished round of a run, as it is told to the parent.

    Attributes:
        key: policy and seed.
        facts: its row of rounds.parquet.
        metrics: its rows of metrics.parquet.
        seconds: how long it took.
    """

    key: Key
    facts: dict[str, Any]
    metrics: list[dict[str, Any]]
    seconds: float


@dataclass(frozen=True)
class RunDone:
    """A finished run and its folder."""

    key: Key
    folder: Path


Event = RoundDone | RunDone
