"""Paths of active DPO's files below its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from prefloop.io.layout import Runs


@dataclass(frozen=True)
class DpoLayout(Runs):
    """Paths below `data/dpo/` for the DVC workflow, DIR for `prefloop dpo run --out DIR`."""

    REPOSITORY: ClassVar[tuple[str, str]] = ("data/dpo", ".prefloop/dpo")

    @property
    def prompts(self) -> Path:
        """Folder of prompts.parquet, texts.parquet and report.json."""
        return self.data / "prompts"

    @property
    def start(self) -> Path:
        """Folder of the start model, which is the reference."""
        return self.data / "start"

    @property
    def verdicts(self) -> Path:
        """The append-only log of paid answers: never an output, never deleted."""
        return self.data / "verdicts.jsonl"
