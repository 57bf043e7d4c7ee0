"""Paths into a row, as `prefloop.config.columns` describes them, compiled to functions."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from operator import methodcaller
from typing import Any

Get = Callable[[Mapping[str, Any]], Any]

_STEP = re.compile(r"\[(\d*)\]|([^.\[\]]+)")


def heads(path: str, names: Collection[str]) -> tuple[str, ...]:
    """The columns that a path may start from."""
    if path in names:
        return (path,)
    return tuple(part.strip() for part in re.split(r"[.\[]", path, maxsplit=1)[0].split("|"))


def getter(path: str | tuple[str, ...], names: Collection[str]) -> Get:
    """A function from a row to what stands at a path, None where nothing does.

    Args:
        path: one, or several of which the first that is there counts.
        names: the columns of the file.
    """
    if isinstance(path, str):
        steps = [path] if path in names else [match[1] or match[2] or "" for match in _STEP.finditer(path)]
        if len(steps) == 1 and "|" not in steps[0] and steps[0] != "*":
            return methodcaller("get", steps[0])
        if path in names:
            return methodcaller("get", path)
        whole = [match[0] for match in _STEP.finditer(path)]
        return lambda row: _walk(row, whole)
    several = [getter(one, names) for one in path]
    return lambda row: next((value for get in several if not is_nothing(first_of(value := get(row)))), None)


def narrowed(path: str, row: Mapping[str, Any]) -> str:
    """A path whose alternatives are told apart by one row: of `a|b` the one that is there, else all of them."""
    value: Any = row
    written = ""
    for match in _STEP.finditer(path):
        step = match[0]
        if step[0] == "[":
            value = value[0] if isinstance(value, list) and value else None
        elif isinstance(value, Mapping):
            keys = list(value) if step == "*" else [key.strip() for key in step.split("|")]
            step = next((key for key in keys if not is_nothing(value.get(key))), step)
            value = value.get(step)
        written += step if step[0] == "[" or not written else f".{step}"
    return written


def is_nothing(value: object) -> bool:
    """Whether a cell says nothing: null, an empty text, or NaN, as tables write a missing value."""
    return value is None or value == "" or (isinstance(value, float) and value != value)


def first_of(value: Any) -> Any:
    """One value of what a path with `[]` gives: the first that is there."""
    if isinstance(value, list):
        return next((inner for item in value if not is_nothing(inner := first_of(item))), None)
    return value


def _walk(value: Any, steps: list[str]) -> Any:
    for place, step in enumerate(steps):
        if value is None:
            return None
        if step == "[]":
            if isinstance(value, Mapping):
                value = _rows(value)
            return [_walk(item, steps[place + 1 :]) for item in value] if isinstance(value, list) else None
        value = _item(value, int(step[1:-1])) if step[0] == "[" else _key(value, step)
    return value


def _item(value: Any, number: int) -> Any:
    if isinstance(value, Mapping):
        value = _rows(value)
    return value[number] if isinstance(value, list) and number < len(value) else None


def _rows(value: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """A struct of lists, as older conversions of data sets store a list of structs, as that list."""
    columns = {key: item for key, item in value.items() if isinstance(item, list)}
    longest = max(map(len, columns.values()), default=0)
    if any(len(item) != longest for item in columns.values()):
        return None
    return [{key: item[row] for key, item in columns.items()} for row in range(longest)]


def _key(value: Any, step: str) -> Any:
    if not isinstance(value, Mapping):
        return None
    keys = list(value) if step == "*" else [key.strip() for key in step.split("|")]
    return next((value[key] for key in keys if not is_nothing(value.get(key))), None)
