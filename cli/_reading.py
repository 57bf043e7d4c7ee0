"""Options that say what the columns and words of a preference file mean, as data.columns and data.verdicts do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from prefloop.config import Params

ColumnsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--columns",
        help="What columns mean: FIELD=COLUMN with commas between (prompt=question,label=winner), or preset=NAME; "
        "several answers with +. Repeatable; as data.columns.",
    ),
]
VerdictsOption = Annotated[
    list[str] | None,
    typer.Option("--verdicts", help='What words of the label mean: "1=a,2=b"; as data.verdicts. Repeatable.'),
]

_NEXT = re.compile(r",(?=\s*[A-Za-z_]+(?:\.[A-Za-z_]+)?\s*=)")


def said(content: dict[str, Any], columns: list[str] | None, verdicts: list[str] | None) -> dict[str, Any]:
    """A section `data` with what the options say put over it.

    Raises:
        ConfigError: an option that is no list of NAME=VALUE.
    """
    if columns:
        content = content | {"columns": _nested(content["columns"], _pairs("--columns", columns))}
    if verdicts:
        words = [entry for option in verdicts for entry in option.split(",")]
        pairs = _each_once("--verdicts", [_pair("--verdicts", word) for word in words])
        content = content | {"verdicts": content["verdicts"] | dict(pairs)}
    return content


def with_options(params: Params, columns: list[str] | None, verdicts: list[str] | None) -> Params:
    """Parameters with what the options say.

    Raises:
        ConfigError: an option that is no list of NAME=VALUE, or says something unknown.
    """
    from prefloop.config import parse_params

    if not columns and not verdicts:
        return params
    content = params.model_dump(mode="json")
    content["data"] = said(content["data"], columns, verdicts)
    return parse_params(content, "--columns, --verdicts")


def params_or_packaged(path: Path | None) -> Params:
    """The parameter file that is given, else params.yaml where there is one, else the packaged one."""
    from cli._common import DEFAULT_PARAMS, load
    from prefloop.config import packaged_params

    return load(path or (DEFAULT_PARAMS if DEFAULT_PARAMS.is_file() else packaged_params()))


def _pairs(option: str, values: list[str]) -> list[tuple[str, str]]:
    return _each_once(option, [_pair(option, entry) for value in values for entry in _NEXT.split(value)])


def _each_once(option: str, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
    from prefloop.errors import ConfigError

    said: dict[str, str] = {}
    for name, value in pairs:
        if said.setdefault(name, value) != value:
            raise ConfigError(f"{option}: got {name}={said[name]} and {name}={value}; expected each name once")
    return pairs


def _pair(option: str, entry: str) -> tuple[str, str]:
    from prefloop.errors import ConfigError

    name, equals, value = entry.partition("=")
    if not equals or not name.strip():
        raise ConfigError(f"{option}: got {entry!r}; expected NAME=VALUE, several with commas between")
    return name.strip(), value.strip()


def _nested(columns: dict[str, Any], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    result = dict(columns)
    for name, value in pairs:
        said_value: Any = value.split("+") if "+" in value else value
        if value in ("true", "false") and name in ("rounds", "strip"):
            said_value = value == "true"
        field, dot, inner = name.partition(".")
        if dot:
            before = result.get(field)
            result[field] = {**(before if isinstance(before, dict) else {}), inner: said_value}
        else:
            result[field] = said_value
    return result
