"""Key `pairs` of a named policy: which two of a prompt's completions are offered, with parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from prefloop.config.base import Section

Beta = Annotated[float, Field(ge=0)]


class _Rule(Section):
    per_prompt: Annotated[int, Field(ge=1)] | Literal["auto", "unlimited"]


class _Bounds(_Rule):
    beta: Beta


class _Thompson(_Rule):
    draws: Literal["member", "noise"]
    beta: Beta


class Auto(_Rule):
    """Parameters of `auto`: given where pairs are listed, else random."""

    rule: Literal["auto"]


class Given(_Rule):
    """Parameters of `given`: the listed pairs, all of them."""

    rule: Literal["given"]


class RandomPair(_Rule):
    """Parameters of `random`."""

    rule: Literal["random"]


class Longest(_Rule):
    """Parameters of `longest`."""

    rule: Literal["longest"]


class Maxmin(_Rule):
    """Parameters of `maxmin`."""

    rule: Literal["maxmin"]


class FixedPair(_Rule):
    """Parameters of `fixed_pair`."""

    rule: Literal["fixed_pair"]
    strong: tuple[str, ...]
    weak: tuple[str, ...]

    @model_validator(mode="after")
    def _both_or_neither(self) -> FixedPair:
        if bool(self.strong) != bool(self.weak):
            raise ValueError("name both strong and weak models, or neither")
        if both := set(self.strong) & set(self.weak):
            raise ValueError(f"'{min(both)}' is named as strong and as weak")
        return self


class Ultrafeedback(_Rule):
    """Parameters of `ultrafeedback`."""

    rule: Literal["ultrafeedback"]
    sample: Annotated[int, Field(ge=2)]


class Infomax(_Bounds):
    """Parameters of `infomax`."""

    rule: Literal["infomax"]


class Maxminlcb(_Bounds):
    """Parameters of `maxminlcb`."""

    rule: Literal["maxminlcb"]


class Rucb(_Bounds):
    """Parameters of `rucb`."""

    rule: Literal["rucb"]


class DeltaUCB(_Bounds):
    """Parameters of `deltaucb`."""

    rule: Literal["deltaucb"]


class DeltaQuantile(_Bounds):
    """Parameters of `deltaquantile`."""

    rule: Literal["deltaquantile"]
    quantile: Annotated[float, Field(ge=0, lt=1)]


class Greedy(_Rule):
    """Parameters of `greedy`."""

    rule: Literal["greedy"]


class ShuffledSigma(_Bounds):
    """Parameters of `shuffled_sigma`."""

    rule: Literal["shuffled_sigma"]


class Dts(_Thompson):
    """Parameters of `dts`."""

    rule: Literal["dts"]
    redraws: Annotated[int, Field(ge=0, le=1000)]


class Drts(_Thompson):
    """Parameters of `drts`."""

    rule: Literal["drts"]
    redraws: Annotated[int, Field(ge=0, le=1000)]


class Infogain(_Thompson):
    """Parameters of `infogain`."""

    rule: Literal["infogain"]


PairRule = Annotated[
    Auto
    | Given
    | RandomPair
    | Longest
    | Maxmin
    | FixedPair
    | Ultrafeedback
    | Infomax
    | Dts
    | Infogain
    | Maxminlcb
    | Rucb
    | Drts
    | DeltaUCB
    | DeltaQuantile
    | Greedy
    | ShuffledSigma,
    Field(discriminator="rule"),
]

# Rules that read the judge's own scores: ceilings for simulated runs, never for a campaign.
ORACLE_CEILINGS = frozenset({"maxmin"})
