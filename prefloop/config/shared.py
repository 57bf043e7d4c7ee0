"""Sections and values that every workflow's parameter file has, under the same names."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Generic, TypeVar

from pydantic import AfterValidator, Field

from prefloop.section import Section


def _distinct(value: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(value)) != len(value):
        raise ValueError("an entry stands twice")
    return value


Distinct = AfterValidator(_distinct)
Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]
Device = Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
Share = Annotated[float, Field(ge=0, le=1)]
PolicyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]
Preset = TypeVar("Preset")


class HubSet(Section, Generic[Preset]):
    """A data set of the hub, or a local copy with its schema; `Preset` are the names that a workflow knows."""

    preset: Preset
    path: Path | None
    revision: str | None


class Runs(Section):
    """Which simulated runs there are, how long they go on, and on what."""

    policies: Annotated[tuple[str, ...], Distinct]
    seeds: Annotated[tuple[Seed, ...], Distinct]
    batch: Annotated[int, Field(ge=1)]
    rounds: Annotated[int, Field(ge=1)]
    device: Device
    threads: Annotated[int, Field(ge=0)]


class Compare(Section):
    """Section `compare`."""

    reference: Annotated[list[str], Field(min_length=1)]
    min_seeds: Annotated[int, Field(ge=2, le=100)]
    worthwhile: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    confidence: Annotated[float, Field(ge=0.5, le=0.999)]
    seed: Seed

    def check_reference(self, policies: tuple[str, ...], key: str) -> None:
        """Refuse runs without a reference.

        Args:
            policies: of the runs.
            key: where they are listed.

        Raises:
            ValueError: no reference is among them.
        """
        if not set(self.reference) & set(policies):
            raise ValueError(
                f"compare.reference: none of {', '.join(self.reference)} is among {key} ({', '.join(policies)})"
            )


class Tracking(Section):
    """Section `tracking`."""

    enabled: bool
    uri: str
    experiment: Annotated[str, Field(min_length=1)]


def check_policies(wanted: list[tuple[str, str]], named: dict[str, object]) -> None:
    """Refuse policies that no section defines.

    Args:
        wanted: key and value of every place that names a policy.
        named: section `policies`.

    Raises:
        ValueError: one is not there, with those that are.
    """
    for key, name in wanted:
        if name not in named:
            raise ValueError(f"{key}: unknown policy '{name}'; known: {', '.join(sorted(named))}")
