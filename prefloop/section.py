"""Sections of parameter files: frozen, unknown keys refused, no defaults in code; and families of them.

A family is a set of sections from which a key chooses by name: a batch policy by `policy`, a pair rule by `rule`.
Each member's parameters stand beside its function, without the key; the key is added here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar, Literal, TypeVar, Union, cast

from pydantic import BaseModel, ConfigDict, Field, SerializeAsAny, WrapValidator, create_model
from pydantic_core import PydanticKnownError

from prefloop.errors import ConfigError

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]

Base = TypeVar("Base", bound="Section")


class Section(BaseModel):
    """One section of a parameter file."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Whole(Section):
    """All of a parameter file.

    Attributes:
        FILE: where it lies, from the repository's root.
        RENAMED: keys that had another name once, with today's.
    """

    FILE: ClassVar[str]
    RENAMED: ClassVar[Mapping[str, str]] = {}


class NoParameters(Section):
    """Parameters of whatever has none."""


def tagged(base: type[Base], key: str, name: str, parameters: type[BaseModel]) -> type[Base]:
    """The section of one member of a family: its own parameters, what all members have, and its name.

    Args:
        base: what all members have, the key among it.
        key: the key that chooses.
        name: the member's name, the one value of `key`.
        parameters: the member's own.
    """
    literal = cast(Any, Literal)[name]
    bases = (base,) if parameters is NoParameters else (parameters, base)
    fields: dict[str, Any] = {key: (literal, ...)}
    return cast(type[Base], create_model(name, __base__=bases, __doc__=f"Section of `{name}`.", **fields))


def one_of(
    base: type[Base],
    key: str,
    members: Mapping[str, type[BaseModel]],
    outside: Callable[[str], tuple[str, type[BaseModel]] | None] = lambda _: None,
) -> Any:
    """The type of a section that is one of a family's, for a field of another section.

    Args:
        base: what all members have.
        key: the key that chooses.
        members: parameters of every built-in member, by name.
        outside: gives the full name and the parameters of a member that is not built in (a user's file, an
            installed package), None where nobody has it; raises a ConfigError that says what is wrong with it.
    """
    sections = {name: tagged(base, key, name, parameters) for name, parameters in members.items()}
    expected = ", ".join(f"'{name}'" for name in sections)

    def validate(value: Any, handler: Callable[[Any], Any]) -> Any:
        name = value.get(key) if isinstance(value, dict) else None
        if not isinstance(name, str) or name in sections:
            return handler(value)
        try:
            member = outside(name)
        except ConfigError as error:
            raise ValueError(str(error)) from None
        if member is None:
            raise PydanticKnownError(
                "union_tag_invalid", {"discriminator": f"'{key}'", "tag": name, "expected_tags": expected}
            )
        full, parameters = member
        section = tagged(base, key, full, parameters)
        if unknown := sorted(set(value) - set(section.model_fields)):
            fields = ", ".join(sorted(section.model_fields))
            raise ValueError(f"unknown key '{unknown[0]}' for {name}; known: {fields}")
        return section.model_validate(value | {key: full})

    union: Any = Union.__getitem__(tuple(sections.values()))
    return Annotated[union, Field(discriminator=key), WrapValidator(validate), SerializeAsAny()]
