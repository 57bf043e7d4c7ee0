"""Registry of uncertainty models: their parameters, and where their code is. Imports no torch.

The classes stand here and not with the code, so that a parameter file can be read without loading torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, Field, create_model, field_validator

from prefloop.errors import ConfigError
from prefloop.plugins import Plugin, content_identity, find_plugin
from prefloop.section import Section

GROUP = "prefloop.uncertainty"


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


@dataclass(frozen=True)
class Kind:
    """One kind of uncertainty model.

    Attributes:
        parameters: the class of its section, `reward.<kind>`.
        fit: `module:function`, which trains one from its section and FitInputs.
        from_state: `module:function`, which builds a fitted one from arrays, string facts and a device.
        stops_early: whether it can stop on validation labels that are set apart for it.
    """

    parameters: type[BaseModel]
    fit: str
    from_state: str
    stops_early: bool = False


KINDS: dict[str, Kind] = {
    "mlp_ensemble": Kind(
        MlpEnsemble,
        "prefloop.reward.mlp_ensemble:fit_mlp_ensemble",
        "prefloop.reward.fitted:FittedEnsemble.from_state",
        stops_early=True,
    ),
    "anchored_ensemble": Kind(
        AnchoredEnsemble,
        "prefloop.reward.anchored_ensemble:fit_anchored_ensemble",
        "prefloop.reward.fitted:FittedEnsemble.from_state",
    ),
    "laplace": Kind(
        Laplace, "prefloop.reward.laplace:fit_laplace", "prefloop.reward.laplace:FittedLaplace.from_state"
    ),
}


class RewardBase(Section):
    """Section `reward`, but for one section per kind."""

    balance: Annotated[float, Field(ge=0, le=1)]
    kind: str

    def __reduce__(self) -> tuple[Any, ...]:
        # Its class is made from the registry; with a kind of the user's own it has no address in a module.
        return reward_from, (self.model_dump(),)

    @property
    def parameters(self) -> BaseModel:
        """The section of the kind that is chosen."""
        section: BaseModel = getattr(self, self.kind)
        return section


def reward_section(plugin: Plugin | None = None) -> type[RewardBase]:
    """The class of section `reward`: one section per built-in kind, and one for a kind from outside."""
    kinds: dict[str, type[BaseModel]] = {name: kind.parameters for name, kind in KINDS.items()}
    if plugin is not None:
        parameters = create_model(plugin.function.__name__, __base__=(plugin.parameters, Section))
        kinds[plugin.name] = parameters
    names = cast(Any, Literal)[tuple(kinds)]
    fields: dict[str, Any] = {"kind": (names, ...)} | {name: (kind, ...) for name, kind in kinds.items()}
    return create_model("Reward", __base__=RewardBase, __doc__="Section `reward`.", **fields)


def validated(value: Any, handler: Callable[[Any], Any]) -> Any:
    """Section `reward`, with one more section where a kind from outside is chosen (a WrapValidator)."""
    name = value.get("kind") if isinstance(value, dict) else None
    if not isinstance(name, str) or name in KINDS:
        return handler(value)
    try:
        plugin = find_plugin(name, GROUP)
    except ConfigError as error:
        raise ValueError(str(error)) from None
    if plugin is None:
        return handler(value)
    content = {key: section for key, section in value.items() if key not in (name, plugin.name)}
    given = value.get(name, value.get(plugin.name, {}))
    keys = sorted(plugin.parameters.model_fields)
    if isinstance(given, dict) and (unknown := sorted(set(given) - set(keys))):
        raise ValueError(f"unknown key '{unknown[0]}' for {name}; known: {', '.join(keys) or 'none'}")
    return reward_section(plugin).model_validate(content | {"kind": plugin.name, plugin.name: given})


def reward_from(content: dict[str, Any]) -> RewardBase:
    """Section `reward` from its plain content."""
    section: RewardBase = validated(content, reward_section().model_validate)
    return section


def kind_of(name: str) -> Kind:
    """The kind of that name: built in, FILE.py:FUNCTION, or of an installed distribution.

    One from outside is its function; the same module has a function `from_state`.

    Raises:
        ConfigError: no such kind, or one that cannot be loaded.
    """
    if name in KINDS:
        return KINDS[name]
    plugin = find_plugin(name, GROUP)
    if plugin is None:
        raise ConfigError(f"unknown uncertainty model '{name}'; known: {', '.join(KINDS)}, or FILE.py:FUNCTION")
    address = plugin.module.__name__
    if not callable(getattr(plugin.module, "from_state", None)):
        raise ConfigError(f"{plugin.module.__file__} has no function 'from_state', which opens a stored model")
    return Kind(plugin.parameters, f"{address}:{plugin.function.__name__}", f"{address}:from_state")


def uncertainty_model_identity(name: str) -> str | None:
    """What stands for a kind from outside in a run's identity; None for a built-in one."""
    return None if name in KINDS else content_identity(name, GROUP)
