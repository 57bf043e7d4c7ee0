"""Loading a parameter file: whole, or as an overlay on another one; validated, every mistake named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, overload

import yaml
from pydantic import ValidationError

from prefloop.config.explain import Step, inside, kind_in, problems
from prefloop.config.model import Params
from prefloop.errors import ConfigError
from prefloop.packaged import packaged
from prefloop.section import Whole

Parameters = TypeVar("Parameters", bound=Whole)

# The key that makes a file an overlay, and its value for the file that came with prefloop.
EXTENDS, PACKAGED = "extends", "packaged"


@dataclass(frozen=True)
class Layer:
    """The content of one file of an overlay, and its name in messages."""

    content: Any
    origin: str


def packaged_params(whole: type[Whole] = Params) -> Path:
    """Path of the parameter file that came with prefloop: the installed copy, else the repository's."""
    return packaged(whole.FILE)


@overload
def load_params(path: Path) -> Params: ...


@overload
def load_params(path: Path, whole: type[Parameters]) -> Parameters: ...


def load_params(path: Path, whole: type[Whole] = Params) -> Whole:
    """Load and validate a parameter file.

    A file with the key `extends` holds only what differs from another one: `packaged`, the file that came with
    prefloop, or a path relative to its own folder. Sections are merged key by key; a list, and a section of
    another kind (policy, rule, judge), replaces what stands there.

    Args:
        path: the file.
        whole: model of all of it: the core's parameters, or active DPO's.

    Raises:
        ConfigError: missing file, bad YAML, unknown key, value out of range, unknown policy, a file that extends
            itself.
    """
    return _validate(whole, read_layers(path, whole))


def load_whole(path: Path, whole: type[Parameters]) -> Parameters:
    """The same for a file that others read as it stands, as DVC reads params.yaml: an overlay is refused.

    Raises:
        ConfigError: as `load_params` says, or the file extends another.
    """
    content = read_yaml(path)
    if isinstance(content, dict) and EXTENDS in content:
        raise ConfigError(
            f"{path}: {EXTENDS}: DVC reads this file as it stands, so it must hold every key; keep the "
            f"overlay under another name and run: prefloop params OVERLAY --out {path}"
        )
    return parse_params(content, str(path), whole)


@overload
def parse_params(content: Any, origin: str) -> Params: ...


@overload
def parse_params(content: Any, origin: str, whole: type[Parameters]) -> Parameters: ...


def parse_params(content: Any, origin: str, whole: type[Whole] = Params) -> Whole:
    """Validate whole parameters that are already in memory; `origin` names them in messages.

    Raises:
        ConfigError: every problem found, one a line.
    """
    return _validate(whole, [Layer(content, origin)])


def read_yaml(path: Path) -> Any:
    """Read a parameter file without validating it.

    Raises:
        ConfigError: missing file, bad YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is missing: run in the folder of a campaign (prefloop init) or in the repository, or pass "
            "--params FILE"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def read_layers(path: Path, whole: type[Whole]) -> list[Layer]:
    """Read a file and those that it extends, itself first; a whole file is the only one.

    Raises:
        ConfigError: a file is missing or no YAML, `extends` names none, a file extends itself.
    """
    layers: list[Layer] = []
    met: list[Path] = []
    following: Path | None = path
    while following is not None:
        if following.resolve() in met:
            raise ConfigError(f"{path}: {EXTENDS}: {following} extends itself; expected a chain that ends")
        met.append(following.resolve())
        content = read_yaml(following)
        base = _base(content, following, whole)
        layers.append(Layer(_without_base(content), str(following)))
        following = base
    return layers


def _base(content: Any, path: Path, whole: type[Whole]) -> Path | None:
    """The file that a parameter file extends, None for a whole file."""
    if not isinstance(content, dict) or EXTENDS not in content:
        return None
    value = content[EXTENDS]
    if not isinstance(value, str) or not value:
        raise ConfigError(f"{path}: {EXTENDS}: got {value!r}; expected {PACKAGED}, or a parameter file's path")
    if value == PACKAGED:
        return packaged_params(whole)
    base = path.parent / value
    if not base.is_file():
        raise ConfigError(f"{path}: {EXTENDS}: {base} is missing; expected {PACKAGED}, or a parameter file's path")
    return base


def _without_base(content: Any) -> Any:
    return {k: v for k, v in content.items() if k != EXTENDS} if isinstance(content, dict) else content


def overlaid(section: Any, base: Any, change: Any) -> Any:
    """Content of a section with another one's changes.

    Args:
        section: the section's type.
        base: what the changes are made to.
        change: keys and values that differ; anything but a section replaces the base.
    """
    if not isinstance(base, dict) or not isinstance(change, dict):
        return change
    before, after = kind_in(section, base), kind_in(section, change)
    if before is not None and after is not None and before is not after:
        return change  # another kind has other keys
    merged = dict(base)
    for key, value in change.items():
        merged[key] = overlaid(inside(section, key, base), base[key], value) if key in base else value
    return merged


def _validate(whole: type[Parameters], layers: Sequence[Layer]) -> Parameters:
    content = layers[-1].content
    for layer in reversed(layers[:-1]):
        content = overlaid(whole, content, layer.content)
    try:
        return whole.model_validate(content)
    except ValidationError as error:
        lines = [f"{_origin(path, layers)}: {text}" for path, text in problems(whole, error.errors(), content)]
        raise ConfigError("\n".join(lines)) from None


def _origin(path: Sequence[Step], layers: Sequence[Layer]) -> str:
    """The file that a problem's key stands in: the first that holds most of the key's path."""
    return max(layers, key=lambda layer: _held(path, layer.content)).origin


def _held(path: Sequence[Step], content: Any) -> int:
    """How many steps of a path there are in some content."""
    for number, step in enumerate(path):
        try:
            content = content[step]
        except (KeyError, IndexError, TypeError):
            return number
    return len(path)
