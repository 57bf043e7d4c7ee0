"""The whole of params.yaml: sections of training, benchmark, comparison, campaign and tracking."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field, SerializeAsAny, WrapValidator, field_validator, model_validator

from prefloop.acquisition.registry import ORACLE_UPPER_BOUNDS
from prefloop.config.data import Data, Embed, Neighbours
from prefloop.config.page import Page
from prefloop.config.policies import Policy
from prefloop.config.shared import Compare, PolicyName, Runs, Seed, Share, Tracking, check_policies
from prefloop.reward.kinds import RewardBase, kind_of, reward_section, validated
from prefloop.section import NonNegative, Positive, Section, Whole

if TYPE_CHECKING:
    Reward = RewardBase
else:
    Reward = reward_section()


def _ascending(value: tuple[float, float]) -> tuple[float, float]:
    if value[0] > value[1]:
        raise ValueError("the second is below the first; expected [lowest, highest]")
    return value


class OracleNoise(Section):
    """Section `oracle`: the simulated annotator's noise."""

    flip_rate: Annotated[float, Field(ge=0, le=0.5)]
    temperature: Annotated[float, Field(ge=0)]
    salt: str


class Benchmark(Runs):
    """Section `benchmark`."""

    initial: Annotated[int, Field(ge=1)]
    validation: Annotated[int, Field(ge=0)]
    jobs: Annotated[int, Field(ge=0, le=1024)]

    @property
    def budget(self) -> int:
        """Labels acquired in all, the validation labels apart: initial + (rounds - 1) * batch."""
        return self.initial + (self.rounds - 1) * self.batch


class Proxy(Section):
    """Section `downstream.proxy`: the log-linear policy."""

    beta: Annotated[float, Field(gt=0)]
    ridge: Annotated[float, Field(gt=0)]


class Downstream(Section):
    """Section `downstream`."""

    shares: Annotated[tuple[Annotated[float, Field(gt=0, le=1)], ...], Field(min_length=1)]
    proxy: Proxy

    @field_validator("shares")
    @classmethod
    def _ascending(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(after <= before for before, after in pairwise(value)):
            raise ValueError("shares are not ascending")
        return value


class Labels(Section):
    """Section `labels`: what verdicts train."""

    aggregate: Literal["majority", "share", "annotators"]
    ties: Literal["none", "half"]
    both_bad: Literal["none", "tie"]
    strength: bool


class Budget(Section):
    """Section `campaign.budget`: None is no limit."""

    labels: Annotated[int, Field(ge=1)] | None
    money: Positive | None
    hours: Positive | None


class Cost(Section):
    """Section `campaign.cost`."""

    currency: Annotated[str, Field(min_length=1, max_length=16)]
    per_label: NonNegative
    per_hour: NonNegative


class Stop(Section):
    """Section `campaign.stop`."""

    min_gain: NonNegative
    confidence: Annotated[float, Field(ge=0.5, le=0.999)]


class Campaign(Section):
    """Section `campaign`."""

    policy: str
    cold_start: str
    seed: Seed
    initial: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]
    buffer: Annotated[int, Field(ge=0)]
    audit: Share
    annotators_per_pair: Annotated[int, Field(ge=1, le=100)]
    overlap: Share
    relabel: Share
    budget: Budget
    cost: Cost
    stop: Stop

    @model_validator(mode="after")
    def _a_new_batch_refills_the_buffer(self) -> Campaign:
        # Otherwise choosing twice without a label between would choose two batches.
        if self.buffer >= min(self.initial, self.batch):
            raise ValueError(f"buffer: {self.buffer} comparisons; expected fewer than initial and batch have")
        if self.audit + self.relabel > 1:
            raise ValueError("audit and relabel are more than 1 together; expected shares of one batch")
        return self


Range = Annotated[tuple[Share, Share], AfterValidator(_ascending)]


class Rehearsal(Section):
    """Section `rehearsal`: simulated annotators of a rehearsed campaign, each with habits within these ranges."""

    people: Annotated[int, Field(ge=1, le=100)]
    flip_rate: Range
    left_rate: Range
    tie_rate: Range
    both_bad_rate: Range
    skip_rate: Range
    seconds: Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]
    spread: Annotated[float, Field(ge=0, le=3)]
    leave_rate: Share
    seed: Seed


class Params(Whole):
    """All of params.yaml."""

    FILE: ClassVar[str] = "params.yaml"
    RENAMED: ClassVar[dict[str, str]] = {"assessment": "downstream"}

    data: Data
    embed: Embed
    neighbours: Neighbours
    reward: Annotated[Reward, WrapValidator(validated), SerializeAsAny()]
    oracle: OracleNoise
    benchmark: Benchmark
    downstream: Downstream
    policies: dict[PolicyName, Policy]
    compare: Compare
    labels: Labels
    campaign: Campaign
    page: Page
    rehearsal: Rehearsal
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
                f"benchmark.validation: {self.benchmark.validation} labels that the uncertainty model "
                f"'{self.reward.kind}' would not use; expected 0"
            )
        return self

    @model_validator(mode="after")
    def _policies_exist(self) -> Params:
        wanted = [("benchmark.policies", name) for name in self.benchmark.policies]
        wanted += [("compare.reference", name) for name in self.compare.reference if self.benchmark.policies]
        wanted.append(("campaign.policy", self.campaign.policy))
        wanted.append(("campaign.cold_start", self.campaign.cold_start))
        check_policies(wanted, dict(self.policies))
        for key, name in wanted[-2:]:
            if self.policies[name].pairs.rule in ORACLE_UPPER_BOUNDS:
                raise ValueError(f"{key}: '{name}' reads a judge's scores, which only simulated runs have")
        if self.benchmark.policies:
            self.compare.check_reference(self.benchmark.policies, "benchmark.policies")
        return self
