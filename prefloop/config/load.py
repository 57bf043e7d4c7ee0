"""Loading params.yaml with messages that name the key, what came and what was expected."""

from __future__ import annotations

import difflib
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prefloop.config.model import Params
from prefloop.errors import ConfigError
from prefloop.section import Section

# What chooses between sections of several kinds.
_TAGS = {"policy": "batch policy", "rule": "rule", "kind": "judge"}

Whole = TypeVar("Whole", bound=Section)


def packaged_params() -> Path:
    """Path of the params.yaml that came with prefloop: the installed copy, else the repository's."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "params.yaml"
    return installed if installed.is_file() else package.parent / "params.yaml"


def load_params(path: Path) -> Params:
    """Load and validate a params.yaml.

    Raises:
        ConfigError: missing file, bad YAML, unknown key, value out of range, unknown policy.
    """
    return parse_params(read_yaml(path), str(path))


def read_yaml(path: Path) -> Any:
    """Read a parameter file without validating it.

    Raises:
        ConfigError: missing file, bad YAML.
    """
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: run from the repository's root, or pass --params FILE") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def parse_params(content: Any, origin: str) -> Params:
    """Validate parameters that are already in memory; `origin` names them in messages.

    Raises:
        ConfigError: every problem found, one a line.
    """
    return validate(Params, content, origin)


def validate(whole: type[Whole], content: Any, origin: str) -> Whole:
    """Validate the content of a parameter file as `whole`; `origin` names it in messages.

    Raises:
        ConfigError: every problem found, one a line.
    """
    try:
        return whole.model_validate(content)
    except ValidationError as error:
        problems = _explain_all(whole, error.errors(), content)
        raise ConfigError(f"{origin}: " + f"\n{origin}: ".join(problems)) from None


def _explain_all(whole: type[BaseModel], details: list[ErrorDetails], content: Any) -> list[str]:
    # A value that fits none of several types has one detail for each: they belong into one line.
    reasons: dict[str, list[str]] = {}
    for detail in details:
        key, reason = _explain(whole, detail, content)
        reasons.setdefault(key, []).append(reason)
    return [f"{key}: {', or '.join(told)}" if key else "; ".join(told) for key, told in reasons.items()]


def _explain(whole: type[BaseModel], detail: ErrorDetails, content: Any) -> tuple[str, str]:
    kind, came = detail["type"], detail["input"]
    path = _path_in_file(detail["loc"], content, is_absent=kind == "missing")
    key = ".".join(str(part) for part in path)
    if kind == "extra_forbidden":
        return key, f"unknown key{_suggestion(str(path[-1]), known_keys(path[:-1], content, whole))}"
    if kind == "missing":
        return key, "missing; copy it from the params.yaml that came with prefloop"
    if kind == "union_tag_invalid":
        context = detail["ctx"]
        return f"{key}.{_tag_of(context)}", f"got '{context['tag']}'; expected one of {context['expected_tags']}"
    if kind == "union_tag_not_found":
        tag = _tag_of(detail["ctx"])
        return f"{key}.{tag}", f"missing; it names the {_TAGS[tag]}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return key, f"got {came!r}; expected keys and their values"
    message = detail["msg"].removeprefix("Value error, ")
    if not key:
        return key, message
    shown = "" if isinstance(came, dict | list) else f"got {came!r}; "
    return key, f"{shown}{message[:1].lower()}{message[1:]}"


def _path_in_file(loc: tuple[int | str, ...], content: Any, is_absent: bool) -> list[int | str]:
    # The tag of a union stands in `loc` but is no key of the file: leave it out.
    path: list[int | str] = []
    value = content
    for number, step in enumerate(loc):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            if not (is_absent and number == len(loc) - 1):
                continue
        path.append(step)
    return path


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else (f"; known: {', '.join(known)}" if known else "")


def known_keys(path: list[int | str], content: Any, whole: type[BaseModel] = Params) -> list[str]:
    """Keys that the section at `path` may have; `content` decides between sections of several kinds."""
    section: Any = whole
    for step in path:
        section = _inside(section, step, content)
        content = content[step]
    chosen = _of_kind(section, content)
    return sorted(chosen.model_fields) if chosen is not None else []


def _inside(section: Any, step: int | str, content: Any) -> Any:
    chosen = _of_kind(section, content)
    if chosen is not None:
        return chosen.model_fields[str(step)].annotation
    arguments = get_args(section)
    return arguments[1] if get_origin(section) is dict else arguments[0]


def _of_kind(section: Any, content: Any) -> type[BaseModel] | None:
    if isinstance(section, type):
        return section if issubclass(section, BaseModel) else None
    chosen = content if isinstance(content, dict) else {}
    parts = get_args(get_args(section)[0] if get_origin(section) is Annotated else section)
    kinds = [kind for kind in parts if isinstance(kind, type) and issubclass(kind, BaseModel)]
    if len(kinds) == 1 and NoneType in parts:  # a section or null
        return kinds[0]
    fields = ((kind, tag, kind.model_fields[tag]) for kind in kinds for tag in _TAGS if tag in kind.model_fields)
    return next((kind for kind, tag, field in fields if chosen.get(tag) in get_args(field.annotation)), None)


def _tag_of(context: dict[str, Any]) -> str:
    return str(context["discriminator"]).strip("'")
