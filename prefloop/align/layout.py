"""Where every file of active DPO lies below its folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class AlignLayout:
    """Paths below one folder: `data/align/` for the DVC workflow, DIR for `prefloop align run --out DIR`.

    Attributes:
        data: the folder of inputs and outputs.
        state: the folder of resume state, no DVC output, never committed.
    """

    data: Path
    state: Path

    @classmethod
    def repository(cls) -> AlignLayout:
        """The layout of the DVC workflow, relative to the repository's root."""
        return cls(Path("data/align"), Path(".prefloop/align"))

    @classmethod
    def folder(cls, root: Path) -> AlignLayout:
        """The layout of a comparison outside the repository."""
        return cls(root, root / ".prefloop")

    @property
    def prompts(self) -> Path:
        """Folder of prompts.parquet, texts.parquet and report.json."""
        return self.data / "prompts"

    @property
    def start(self) -> Path:
        """Folder of the start model, which is the reference."""
        return self.data / "start"

    @property
    def runs(self) -> Path:
        """Folder of all runs."""
        return self.data / "runs"

    def run(self, policy: str, seed: int) -> Path:
        """Folder of one run."""
        return self.runs / policy / str(seed)

    @property
    def report(self) -> Path:
        """Folder of the comparison: curves, pictures, report."""
        return self.data / "report"

    @property
    def verdicts(self) -> Path:
        """The append-only log of paid answers: never an output, never deleted."""
        return self.data / "verdicts.jsonl"
