"""Loading params.yaml with messages that name the key, what came and what was expected."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prefloop.config.model import Params
from prefloop.errors import ConfigError


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
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path} is missing: run from the repository's root, or pass --params FILE") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None
    return parse_params(content, str(path))


def parse_params(content: Any, origin: str) -> Params:
    """Validate parameters that are already in memory; `origin` names them in messages.

    Raises:
        ConfigError: every problem found, one a line.
    """
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        problems = [_explain(detail, content) for detail in error.errors()]
        raise ConfigError(f"{origin}: " + f"\n{origin}: ".join(problems)) from None


def _explain(detail: ErrorDetails, content: Any) -> str:
    path = _path_in_file(detail["loc"], content)
    key = ".".join(str(part) for part in path)
    if detail["type"] == "extra_forbidden":
        return f"{key}: unknown key{_suggestion(str(path[-1]), _known_keys(path[:-1]))}"
    if detail["type"] == "missing":
        return f"{key}: missing; copy it from the params.yaml that came with prefloop"
    if detail["type"] == "union_tag_invalid":
        context = detail["ctx"]
        return f"{key}.policy: got '{context['tag']}'; expected one of {context['expected_tags']}"
    message = detail["msg"].removeprefix("Value error, ")
    if not key:
        return message
    came = detail["input"]
    shown = "" if isinstance(came, dict | list) else f"got {came!r}; "
    return f"{key}: {shown}{message[:1].lower()}{message[1:]}"


def _path_in_file(loc: tuple[int | str, ...], content: Any) -> list[int | str]:
    # A tag of a discriminated union stands in `loc` but is no key of the file: leave it out.
    path: list[int | str] = []
    value = content
    for number, step in enumerate(loc):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            if number < len(loc) - 1:
                continue
        path.append(step)
    return path


def _suggestion(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean '{close[0]}'?)" if close else (f"; known: {', '.join(known)}" if known else "")


def _known_keys(path: list[int | str]) -> list[str]:
    model: Any = Params
    for step in path:
        is_section = isinstance(model, type) and issubclass(model, BaseModel)
        field = model.model_fields.get(str(step)) if is_section else None
        if field is None:
            return []
        model = field.annotation
    is_section = isinstance(model, type) and issubclass(model, BaseModel)
    return sorted(model.model_fields) if is_section else []
