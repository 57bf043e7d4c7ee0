"""All of dpo/params.yaml: active DPO from prompts to comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from prefloop.config.model import Params
from prefloop.config.shared import Compare, Distinct, HubSet, PolicyName, Runs, Seed, Tracking, check_policies
from prefloop.dpo.registry import RULES
from prefloop.dpo.view import RuleParameters
from prefloop.judges.kinds import Judge, Oracle
from prefloop.section import Section, Whole, one_of


class Hub(HubSet[Literal["imdb", "tldr"]]):
    """Section `prompts.hub`."""


class Example(Section):
    """The generated texts."""

    seed: Seed
    prompts: Annotated[int, Field(ge=50, le=1_000_000)]
    texts: Annotated[int, Field(ge=100, le=1_000_000)]


class Prompts(Section):
    """Section `prompts`."""

    source: Literal["example", "files", "hub"]
    files: tuple[Path, ...]
    hub: Hub
    example: Example
    prefix_words: tuple[int, int] | None
    test: Annotated[float, Field(gt=0, lt=1)]
    salt: str

    @field_validator("prefix_words")
    @classmethod
    def _ascending(cls, value: tuple[int, int] | None) -> tuple[int, int] | None:
        if value is not None and not 1 <= value[0] <= value[1]:
            raise ValueError("expected two numbers, 1 <= shortest <= longest, or null")
        return value


class Tiny(Section):
    """The small language model that is pre-trained on the spot."""

    vocabulary: Annotated[int, Field(ge=260, le=65536)]
    width: Annotated[int, Field(ge=8, le=4096)]
    layers: Annotated[int, Field(ge=1, le=64)]
    heads: Annotated[int, Field(ge=1, le=64)]
    context: Annotated[int, Field(ge=16, le=8192)]

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Tiny:
        if self.width % (2 * self.heads):
            raise ValueError(f"width = {self.width} is no multiple of 2 * heads = {2 * self.heads}")
        return self


class Texts(Section):
    """Training on whole texts before the first round."""

    epochs: Annotated[int, Field(ge=0, le=1000)]
    learning_rate: Annotated[float, Field(gt=0)]
    batch_size: Annotated[int, Field(ge=1, le=4096)]
    block: Annotated[int, Field(ge=8, le=8192)]


class Start(Section):
    """Section `start`: the model before the first round, which is the reference."""

    source: Literal["tiny", "model"]
    model: str
    revision: str | None
    chat: bool
    seed: Seed
    tiny: Tiny
    texts: Texts


class Sampling(Section):
    """Section `sampling`: how completions are written."""

    temperature: Annotated[float, Field(gt=0, le=10)]
    max_new_tokens: Annotated[int, Field(ge=1, le=8192)]
    batch_size: Annotated[int, Field(ge=1, le=65536)]
    attempts: Annotated[int, Field(ge=1, le=100)]


class Lora(Section):
    """Low-rank adapters, merged into the weights after each round."""

    rank: Annotated[int, Field(ge=1, le=4096)]
    alpha: Annotated[int, Field(ge=1)]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    targets: Literal["all-linear"] | Annotated[tuple[str, ...], Field(min_length=1)]


class Train(Section):
    """Section `train`: DPO on all labels so far."""

    mode: Literal["reset", "continue"]
    beta: Annotated[float, Field(gt=0)]
    learning_rate: Annotated[float, Field(gt=0)]
    epochs: Annotated[int, Field(ge=1, le=1000)]
    batch_size: Annotated[int, Field(ge=1, le=65536)]
    micro_batch_size: Annotated[int, Field(ge=1, le=65536)]
    lora: Lora | None

    @model_validator(mode="after")
    def _steps_are_whole(self) -> Train:
        if self.batch_size % self.micro_batch_size:
            raise ValueError(
                f"batch_size = {self.batch_size} is no multiple of micro_batch_size = {self.micro_batch_size}"
            )
        return self


class Run(Runs):
    """Section `run`: which runs, how long, on what."""

    policies: Annotated[tuple[str, ...], Field(min_length=1), Distinct]
    seeds: Annotated[tuple[Seed, ...], Field(min_length=1), Distinct]

    @property
    def budget(self) -> int:
        """Labels of a whole run."""
        return self.batch * self.rounds


class Evaluation(Section):
    """Section `evaluation`."""

    prompts: Annotated[int, Field(ge=1)]
    temperature: Annotated[float, Field(gt=0, le=10)]


if TYPE_CHECKING:
    Policy = RuleParameters
else:
    Policy = one_of(RuleParameters, "rule", {name: rule.parameters for name, rule in RULES.items()})


class DpoParams(Whole):
    """All of dpo/params.yaml."""

    FILE: ClassVar[str] = "dpo/params.yaml"
    RENAMED: ClassVar[dict[str, str]] = {"run.labels": "run.batch"}

    prompts: Prompts
    start: Start
    sampling: Sampling
    oracle: Oracle
    judge: Judge
    train: Train
    run: Run
    evaluation: Evaluation
    policies: dict[PolicyName, Policy]
    compare: Compare
    tracking: Tracking

    @property
    def dataset(self) -> str:
        """Name of prompts and start model, without the machine's paths."""
        files = ", ".join(path.name for path in self.prompts.files)
        prompts = {"example": "example", "files": files, "hub": self.prompts.hub.preset}[self.prompts.source]
        return f"{prompts} by {'tiny' if self.start.source == 'tiny' else Path(self.start.model).name}"

    @model_validator(mode="after")
    def _policies_exist(self) -> DpoParams:
        check_policies([("run.policies", name) for name in self.run.policies], dict(self.policies))
        self.compare.check_reference(self.run.policies, "run.policies")
        return self

    @model_validator(mode="after")
    def _judge_is_independent(self) -> DpoParams:
        if self.judge == self.oracle.judge:
            raise ValueError(
                "judge: the same as oracle.judge; expected another one, which never trains, so that the oracle's "
                "own habits can't pass for quality"
            )
        return self


def is_dpo(content: object) -> bool:
    """Whether the content of a parameter file, whole or an overlay, is active DPO's: by its sections."""
    names = set(content) if isinstance(content, dict) else set()
    return len(names & set(DpoParams.model_fields)) > len(names & set(Params.model_fields))
