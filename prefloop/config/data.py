"""Sections `data`, `embed` and `neighbours`: from raw files to neighbour lists."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from prefloop.config.columns import Columns, Roles, Share, Verdicts
from prefloop.config.presets import HubName, presets
from prefloop.config.shared import Device, HubSet
from prefloop.section import Section

SplitName = Literal["pool", "val", "test", "ood"]
Target = Literal["prompts", "pairs", "file"]


class FileEntry(Section):
    """One input file, or a filtered part of one."""

    path: Path
    split: Literal["auto", "pool", "val", "test", "ood"] = "auto"
    where: str | None = None

    @field_validator("where")
    @classmethod
    def _field_equals_value(cls, value: str | None) -> str | None:
        if value is not None and (value.find("=") < 1 or value.endswith("=")):
            raise ValueError("expected FIELD=VALUE, for instance domain=helpful")
        return value


class Hub(HubSet[HubName]):
    """Section `data.hub`."""


class Example(Section):
    """The generated example set."""

    seed: Annotated[int, Field(ge=0)]
    form: Literal["pairs", "responses"]
    pairs: Annotated[int, Field(ge=100, le=1_000_000)]
    prompts: Annotated[int, Field(ge=20, le=1_000_000)]
    zipf: Annotated[float, Field(ge=0, le=5)]
    ood_pairs: Annotated[int, Field(ge=0, le=1_000_000)]
    responses: Annotated[int, Field(ge=2, le=64)]
    temperature: Annotated[float, Field(gt=0)]


class Split(Section):
    """Division of prompts among splits."""

    val: Annotated[float, Field(ge=0, le=0.5)]
    test: Annotated[float, Field(ge=0, le=0.9)]
    salt: str
    per_seed: bool
    max_prompt_share: Annotated[float, Field(gt=0, le=1)]

    @model_validator(mode="after")
    def _leaves_a_pool(self) -> Split:
        if self.val + self.test >= 1:
            raise ValueError(f"val + test = {self.val + self.test:g} leaves no pool; expected a sum below 1")
        return self

    def salt_of(self, seed: int) -> str:
        """Salt of a simulated run's division: of its own, or the one that all share."""
        return f"{self.salt}/{seed}" if self.per_seed else self.salt


class TargetFile(Section):
    """Section `data.target_file`: prompts that the model will meet."""

    path: Path | None
    neighbours: Annotated[int, Field(ge=1, le=1000)]
    clip: Annotated[float, Field(gt=1)]
    min_effective: Annotated[float, Field(ge=1)]


class Leaks(Section):
    """Section `data.leaks`: the search for near-duplicates of test texts in the pool."""

    similarity: Annotated[float, Field(gt=0, le=1)]
    most: Annotated[int, Field(ge=0)]


class Data(Section):
    """Section `data`."""

    source: Literal["example", "files", "hub"]
    raw: Path
    files: tuple[FileEntry, ...]
    columns: Columns
    verdicts: Verdicts
    roles: Roles
    max_unusable: Share
    hub: Hub
    example: Example
    split: Split
    target: Target
    target_file: TargetFile
    leaks: Leaks

    @field_validator("columns")
    @classmethod
    def _preset_is_known(cls, value: Columns) -> Columns:
        if value.preset is not None and value.preset not in presets():
            raise ValueError(f"preset: got {value.preset}; expected null or one of {', '.join(presets())}")
        return value

    @model_validator(mode="after")
    def _target_has_a_file(self) -> Data:
        if self.target == "file" and self.target_file.path is None:
            raise ValueError("target_file.path: null, but target is file; expected a file of prompts")
        return self


class Embed(Section):
    """Section `embed`."""

    model: str
    revision: str | None
    pooling: Literal["mean", "last_token"]
    normalise: bool
    max_length: Annotated[int, Field(ge=8)]
    template: str
    batch_size: Annotated[int, Field(ge=1, le=4096)]
    device: Device
    dtype: Literal["float32", "bfloat16", "float16"]

    @field_validator("template")
    @classmethod
    def _prompt_then_completion(cls, value: str) -> str:
        if value.count("{prompt}") != 1 or value.count("{completion}") != 1 or not value.endswith("{completion}"):
            raise ValueError("expected one {prompt} and, at the end, one {completion}")
        return value


class Neighbours(Section):
    """Section `neighbours`."""

    backend: Literal["hnsw", "exact"]
    k: Annotated[int, Field(ge=2, le=200)]
    device: Device
    m: Annotated[int, Field(ge=4, le=64)]
    ef_construction: Annotated[int, Field(ge=10, le=2000)]
    ef: Annotated[int, Field(ge=2, le=2000)]
    threads: Annotated[int, Field(ge=1)]
    seed: Annotated[int, Field(ge=0)]
    recall_sample: Annotated[int, Field(ge=1, le=100_000)]
    min_recall: Annotated[float, Field(ge=0, le=1)]

    @model_validator(mode="after")
    def _search_is_as_wide_as_a_list(self) -> Neighbours:
        if self.ef < self.k:
            raise ValueError(f"ef = {self.ef} is below k = {self.k}; expected ef >= k")
        return self
