"""The whole of params.yaml: sections of training, benchmark, comparison, campaign and tracking."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from prefloop.config.base import Section, Whole
from prefloop.config.data import Data, Embed, Neighbours
from prefloop.config.pair_rules import ORACLE_CEILINGS
from prefloop.config.policies import Policy
from prefloop.config.shared import Compare, PolicyName, Runs, Seed, Tracking, check_policies


class Ensemble(Section):
    """What every ensemble of perceptrons has."""

    members: Annotated[int, Field(ge=2, le=100)]
    layers: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)]
    activation: Literal["tanh", "relu"]
    init: Literal["normal", "xavier"]
    init_std: Annotated[float, Field(gt=0)]
    bias: Literal["zero", "uniform"]
    output_bias: bool
    standardise: bool
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1, le=4096)]


class MlpEnsemble(Ensemble):
    """Section `reward.mlp_ensemble`."""

    schedule: Literal["constant", "linear"]
    warmup_steps: Annotated[int, Field(ge=0, le=100_000)]
    clip_norm: Annotated[float, Field(gt=0)] | None
    weight_decay: Annotated[float, Field(ge=0)]
    max_epochs: Annotated[int, Field(ge=1, le=1000)]
    patience: Annotated[int, Field(ge=1, le=1000)]
    holdout: Annotated[float, Field(gt=0, le=0.5)]
    holdout_by: Literal["prompts", "pairs"]
    refit: bool
    look_every: Annotated[int, Field(ge=1, le=100_000)]
    lone_steps: Annotated[int, Field(ge=1, le=1_000_000)]
    temperature: Literal["none", "held_out"]


class AnchoredEnsemble(Ensemble):
    """Section `reward.anchored_ensemble`."""

    steps: Annotated[int, Field(ge=1, le=100_000)]
    epochs: Annotated[int, Field(ge=1, le=1000)]
    anchor: Annotated[float, Field(ge=0)]
    anchor_half_life: Annotated[float, Field(gt=0)]
    magnitude: Annotated[float, Field(ge=0)]


class Laplace(Section):
    """Section `reward.laplace`."""

    members: Annotated[int, Field(ge=2, le=1000, multiple_of=2)]
    standardise: bool
    prior_deviation: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]]

    @field_validator("prior_deviation")
    @classmethod
    def _ordered(cls, value: tuple[float, float]) -> tuple[float, float]:
        if value[0] > value[1]:
            raise ValueError("expected the least and the greatest, in this order")
        return value


class Reward(Section):
    """Section `reward`."""

    balance: Annotated[float, Field(ge=0, le=1)]
    kind: Literal["mlp_ensemble", "anchored_ensemble", "laplace"]
    mlp_ensemble: MlpEnsemble
    anchored_ensemble: AnchoredEnsemble
    laplace: Laplace


class Oracle(Section):
    """Section `oracle`: the simulated annotator."""

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


class Campaign(Section):
    """Section `campaign`."""

    policy: str
    cold_start: str
    seed: Seed
    initial: Annotated[int, Field(ge=1)]
    batch: Annotated[int, Field(ge=1)]


class Params(Whole):
    """All of params.yaml."""

    FILE: ClassVar[str] = "params.yaml"

    data: Data
    embed: Embed
    neighbours: Neighbours
    reward: Reward
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
        if self.benchmark.validation and self.reward.kind != "mlp_ensemble":
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
        check_policies(wanted, dict(self.policies))
        for key, name in wanted[-2:]:
            if self.policies[name].pairs.rule in ORACLE_CEILINGS:
                raise ValueError(f"{key}: '{name}' reads a judge's scores, which only simulated runs have")
        if self.benchmark.policies:
            self.compare.check_reference(self.benchmark.policies, "benchmark.policies")
        return self
