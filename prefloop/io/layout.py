"""Paths of a workflow's files below its data folder (see docs/ for their columns)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self


@dataclass(frozen=True)
class Runs:
    """What every workflow of runs and their comparison has, below one folder.

    Attributes:
        data: the folder of tracked inputs and outputs.
        state: the folder of resume state and caches, no DVC output, never committed.
        REPOSITORY: both in the DVC workflow.
    """

    REPOSITORY: ClassVar[tuple[str, str]]
    data: Path
    state: Path

    @classmethod
    def repository(cls) -> Self:
        """The layout of the DVC workflow, relative to the repository's root."""
        return cls(*map(Path, cls.REPOSITORY))

    @classmethod
    def folder(cls, root: Path) -> Self:
        """The layout of a comparison outside the repository."""
        return cls(root, root / ".prefloop")

    @property
    def runs(self) -> Path:
        """Folder of the simulated runs."""
        return self.data / "runs"

    def run(self, policy: str, seed: int) -> Path:
        """Folder of one simulated run."""
        return self.runs / policy / str(seed)

    @property
    def report(self) -> Path:
        """Folder of the comparison: curves, savings, plots, report."""
        return self.data / "report"


@dataclass(frozen=True)
class Layout(Runs):
    """Paths below `data/` for the DVC workflow, DIR for `prefloop bench --out DIR`."""

    REPOSITORY: ClassVar[tuple[str, str]] = ("data", ".prefloop")

    @property
    def prepared(self) -> Path:
        """Folder of prompts, completions, pairs, oracle and the preparation report."""
        return self.data / "prepared"

    @property
    def features(self) -> Path:
        """Folder of completions.npy [C, D], prompts.npy [Q, D] and manifest.json."""
        return self.data / "features"

    @property
    def neighbours(self) -> Path:
        """Folder of the k-nearest-neighbour lists of the distinct pool-prompt vectors."""
        return self.data / "neighbours"

    @property
    def labels(self) -> Path:
        """The append-only label log; its folder is a dependency, never an output."""
        return self.data / "labels" / "labels.jsonl"

    @property
    def campaign(self) -> Path:
        """Folder of the campaign: snapshot of the labels, model, evaluation, batch."""
        return self.data / "campaign"

    @property
    def label_snapshot(self) -> Path:
        """Copy of the label log for the campaign's stages; its folder is the output, as the log may be empty."""
        return self.campaign / "labels" / "labels.jsonl"

    @property
    def label_table(self) -> Path:
        """What that copy says by pair, beside it: the labels that the campaign's stages read."""
        return self.campaign / "labels" / "labels.parquet"

    @property
    def campaign_model(self) -> Path:
        """Weights of the campaign's uncertainty model."""
        return self.campaign / "model.safetensors"

    @property
    def campaign_metrics(self) -> Path:
        """Metrics of the campaign's uncertainty model."""
        return self.campaign / "metrics.json"

    @property
    def batch(self) -> Path:
        """The comparisons that wait for a label."""
        return self.campaign / "batch.parquet"

    @property
    def issued(self) -> Path:
        """Every comparison that the campaign has chosen, with what was predicted of it then."""
        return self.campaign / "issued.parquet"

    @property
    def queue(self) -> Path:
        """Leases and waiting comparisons of the labelling page: SQLite, made again from batch and log if lost."""
        return self.state / "queue.sqlite"

    @property
    def people(self) -> Path:
        """Annotators with the digests of their tokens."""
        return self.state / "annotators.json"
