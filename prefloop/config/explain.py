"""Messages for what is wrong in a parameter file: the key, what came and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from types import NoneType
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from prefloop.section import Whole

Step = int | str

# What chooses between sections of several kinds.
_TAGS = {"policy": "batch policy", "rule": "rule", "kind": "judge"}


def problems(
    whole: type[Whole], details: Sequence[ErrorDetails], content: Any
) -> list[tuple[tuple[Step, ...], str]]:
    """Path of each wrong key, and a line that names it.

    Args:
        whole: model of the file.
        details: what pydantic says of `content`.
        content: the file's.
    """
    # A value that fits none of several types has one detail for each: they belong into one line.
    reasons: dict[tuple[Step, ...], list[str]] = {}
    misspelt = {_meant(detail, content, whole) for detail in details if detail["type"] == "extra_forbidden"}
    for detail in details:
        path, reason = _explain(whole, detail, content)
        if detail["type"] != "missing" or path not in misspelt:
            reasons.setdefault(path, []).append(reason)
    return [(path, _line(path, told)) for path, told in reasons.items()]


def _line(path: Sequence[Step], reasons: Sequence[str]) -> str:
    return f"{_dotted(path)}: {', or '.join(reasons)}" if path else "; ".join(reasons)


def _dotted(path: Sequence[Step]) -> str:
    return ".".join(str(step) for step in path)


def _explain(whole: type[Whole], detail: ErrorDetails, content: Any) -> tuple[tuple[Step, ...], str]:
    kind, came = detail["type"], detail["input"]
    path = _path_in_file(detail["loc"], content, is_absent=kind == "missing")
    if kind == "extra_forbidden":
        return path, f"unknown key{_suggestion(path, content, whole)}"
    if kind == "missing":
        return path, f"missing; copy it from the {whole.FILE} that came with prefloop"
    if kind == "union_tag_invalid":
        context = detail["ctx"]
        return (*path, _tag_of(context)), f"got '{context['tag']}'; expected one of {context['expected_tags']}"
    if kind == "union_tag_not_found":
        tag = _tag_of(detail["ctx"])
        return (*path, tag), f"missing; it names the {_TAGS[tag]}"
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        return path, f"got {came!r}; expected keys and their values"
    message = detail["msg"].removeprefix("Value error, ")
    if not path:
        return path, message
    shown = "" if isinstance(came, dict | list) else f"got {came!r}; "
    return path, f"{shown}{message[:1].lower()}{message[1:]}"


def _path_in_file(loc: Sequence[Step], content: Any, is_absent: bool) -> tuple[Step, ...]:
    # The tag of a union stands in `loc` but is no key of the file: leave it out.
    path: list[Step] = []
    value = content
    for number, step in enumerate(loc):
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            if not (is_absent and number == len(loc) - 1):
                continue
        path.append(step)
    return tuple(path)


def _meant(detail: ErrorDetails, content: Any, whole: type[Whole]) -> tuple[Step, ...] | None:
    """Path of the key that an unknown one was probably meant for: that it is missing need not be said too."""
    path = _path_in_file(detail["loc"], content, is_absent=False)
    close = _nearest(path, known_keys(path[:-1], content, whole))
    return (*path[:-1], *close) if close else None


def _nearest(path: Sequence[Step], keys: Sequence[str]) -> list[str]:
    return difflib.get_close_matches(str(path[-1]), keys, n=1)


def _suggestion(path: Sequence[Step], content: Any, whole: type[Whole]) -> str:
    """What an unknown key may have been meant for: its name of today, or the nearest one, or all there are."""
    if (renamed := whole.RENAMED.get(_dotted(path))) is not None:
        return f"; it is called {renamed} now"
    keys = known_keys(path[:-1], content, whole)
    close = _nearest(path, keys)
    return f" (did you mean '{close[0]}'?)" if close else (f"; known: {', '.join(keys)}" if keys else "")


def known_keys(path: Sequence[Step], content: Any, whole: type[Whole]) -> list[str]:
    """Keys that the section at `path` may have; `content` decides between sections of several kinds."""
    section: Any = whole
    for step in path:
        section = inside(section, step, content)
        content = content[step]
    chosen = kind_in(section, content)
    return sorted(chosen.model_fields) if chosen is not None else []


def inside(section: Any, step: Step, content: Any) -> Any:
    """Type of what stands under a key of a section; None where the section has no such key."""
    chosen = kind_in(section, content)
    if chosen is not None:
        field = chosen.model_fields.get(str(step))
        return None if field is None else field.annotation
    arguments = get_args(section)
    if get_origin(section) is dict:
        return arguments[1]
    return arguments[0] if arguments else None


def kind_in(section: Any, content: Any) -> type[BaseModel] | None:
    """Model of a section's content: its type, or the one that the content's tag chooses."""
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
