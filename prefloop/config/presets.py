"""Presets: known data sets and exports as mappings, read from presets.yaml."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, Field

from prefloop.config.columns import Columns, Roles, Verdicts
from prefloop.section import Section

Split = Literal["pool", "val", "test", "ood"]


class Part(Section):
    """A part of a data set: its name in reports, and its split where it has one of its own."""

    source: str
    split: Split | None


class OnHub(Section):
    """Where a data set lies on the hub, and what its splits and parts are; `only` names the splits that count."""

    repository: str
    subset: str | None
    revision: str | None
    splits: dict[str, Split]
    only: tuple[str, ...] | None = None
    parts: dict[str, Part] | None


class Preset(Section):
    """One known schema; see the head of presets.yaml."""

    about: str
    tells: tuple[str, ...] | None
    columns: Columns
    verdicts: Verdicts = Field(default_factory=dict)
    roles: Roles = Field(default_factory=dict)
    hub: OnHub | None = None


@cache
def presets() -> Mapping[str, Preset]:
    """Every preset by its name."""
    content = yaml.safe_load((Path(__file__).parent / "presets.yaml").read_text(encoding="utf-8"))
    return {name: Preset.model_validate(preset) for name, preset in content.items()}


def proposed(names: Collection[str]) -> list[str]:
    """The presets that a file's columns tell; of two where one asks for more columns, that one."""
    columns = set(names)
    told = {name: set(p.tells) for name, p in presets().items() if p.tells and columns.issuperset(p.tells)}
    return [name for name, tells in told.items() if not any(tells < other for other in told.values())]


def _known(name: str) -> str:
    return _one_of(name, list(presets()))


def _on_hub(name: str) -> str:
    return _one_of(name, [name for name, preset in presets().items() if preset.hub is not None])


def _one_of(name: str, names: list[str]) -> str:
    if name not in names:
        raise ValueError(f"got {name}; expected one of {', '.join(names)}")
    return name


PresetName = Annotated[str, AfterValidator(_known)]
HubName = Annotated[str, AfterValidator(_on_hub)]
