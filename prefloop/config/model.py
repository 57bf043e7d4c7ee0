"""The whole of params.yaml: sections of training, benchmark, comparison, campaign and tracking."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, Field, SerializeAsAny, WrapValidator, field_validator, model_validator

from prefloop.acquisition.registry import ORACLE_CEILINGS
from prefloop.config.data import Data, Embed, Neighbours
from prefloop.config.policies import Policy
from prefloop.reward.kinds import RewardBase, kind_of, reward_section, validated
from prefloop.section import Section

Seed = Annotated[int, Field(ge=0, lt=2**32, strict=True)]


def _distinct(value: tuple[object, ...]) -> tuple[object, ...]:
    if len(set(value)) != len(value):
        raise ValueError("an entry stands twice")
    return value


Distinct = AfterValidator(_distinct)
if TYPE_CHECKING:
    Reward = RewardBase
else:
    Reward = reward_section()
PolicyName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+$")]


class Oracle(Section):
    """Section `oracle`: the simulated annotator."""

    flip_rate: Annotated[float, Field(ge=0, le=0.5)]
    temperature: Annotated[float, Field(ge=0)]
    salt: str


class Benchmark(Section):
    """Section `benchmark`."""

    policies: Annotated[tuple[str, ...], Distinct]
    seeds: Annotated[tuple[Seed, ...], Distinct]
    initial: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    rounds: Annotated[int, Field(ge=1)]
    validation: Annotated[int, Field(ge=0)]
    device: Annotated[str, Field(pattern=r"^(auto|cpu|cuda(:\d+)?)$")]
    threads: Annotated[int, Field(ge=0)]
    jobs: Annotated[int, Field(ge=0, le=1024)]

    @property
    def budget(self) -> int:
        """Labels acquired in all, the validation labels apart: initial + (rounds - 1) * batch."""
        return self.initial + (self.rounds - 1) * self.batch


class Proxy(Section):
    """Section `assessment.proxy`: the log-linear policy."""

    beta: Annotated[float, Field(gt=0)]
    ridge: Annotated[float, Field(gt=0)]


class Assessment(Section):
    """Section `assessment`."""

    shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)]
    proxy: Proxy

    @field_validator("shares")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(after <= before for before, after in pairwise(value)):
            raise ValueError("shares are not ascending")
        return value


class Compare(Section):
    """Section `compare`."""

    reference: Annotated[list[str], Field(min_length=1)]
    min_seeds: Annotated[int, Field(ge=2, le=100)]
    worthwhile: Annotated[float, Field(gt=0, lt=1)]
    resamples: Annotated[int, Field(ge=100, le=100_000)]
    confidence: Annotated[float, Field(ge=0.5, le=0.999)]
    seed: Seed


class Campaign(Section):
    """Section `campaign`."""

    policy: str
    cold_start: str
    seed: Seed
    initial: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]


class Tracking(Section):
    """Section `tracking`."""

    enabled: bool
    uri: str
    experiment: Annotated[str, Field(min_length=1)]


class Params(Section):
    """All of params.yaml."""

    data: Data
    embed: Embed
    neighbours: Neighbours
    reward: Annotated[Reward, WrapValidator(validated), SerializeAsAny()]
    oracle: Oracle
    benchmark: Benchmark
    assessment: Assessment
    policies: dict[PolicyName, Policy]
    compare: Compare
    campaign: Campaign
    tracking: Tracking

    @model_validator(mode="after")
    def _policies_have_seeds(self) -> Params:
        if self.benchmark.policies and not self.benchmark.seeds:
            raise ValueError("benchmark.seeds: empty; expected at least one seed for benchmark.policies")
        return self

    @model_validator(mode="after")
    def _validation_is_used(self) -> Params:
        if self.benchmark.validation and not kind_of(self.reward.kind).stops_early:
            raise ValueError(
                f"benchmark.validation: {self.benchmark.validation} labels that the reward model "
                f"'{self.reward.kind}' would not use; expected 0"
            )
        return self

    @model_validator(mode="after")
    def _policies_exist(self) -> Params:
        wanted = [("benchmark.policies", name) for name in self.benchmark.policies]
        wanted += [("compare.reference", name) for name in self.compare.reference if self.benchmark.policies]
        wanted.append(("campaign.policy", self.campaign.policy))
        wanted.append(("campaign.cold_start", self.campaign.cold_start))
        for key, name in wanted:
            if name not in self.policies:
                raise ValueError(f"{key}: unknown policy '{name}'; known: {', '.join(sorted(self.policies))}")
        for key, name in wanted[-2:]:
            if self.policies[name].pairs.rule in ORACLE_CEILINGS:
                raise ValueError(f"{key}: '{name}' reads a judge's scores, which only simulated runs have")
        if self.benchmark.policies and not set(self.compare.reference) & set(self.benchmark.policies):
            raise ValueError(
                f"compare.reference: none of {', '.join(self.compare.reference)} is among benchmark.policies "
                f"({', '.join(self.benchmark.policies)})"
            )
        return self
