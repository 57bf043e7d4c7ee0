"""Values of a parameter file changed in place: every comment, and every other line, stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml


def with_values(text: str, changes: Mapping[str, Any]) -> str:
    """A parameter file with other values.

    Args:
        text: the file.
        changes: new values by dotted key; each key stands in the file, with a value on its own line.

    Raises:
        KeyError: a key that does not stand in the file.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    spans = sorted(((*_span(root, key), key) for key in changes), reverse=True)
    for start, end, key in spans:
        text = f"{text[:start]}{in_one_line(changes[key])}{text[end:]}"
    return text


class _OneLine(yaml.SafeDumper):
    """Texts that hold more than letters and blanks are quoted, with their line breaks escaped."""


def _quoted(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_OneLine.add_representer(str, _quoted)


def in_one_line(value: Any) -> str:
    """A value as YAML of one line."""
    dumped = yaml.dump(
        value, Dumper=_OneLine, default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return dumped.removesuffix("...\n").rstrip("\n")


def _span(root: yaml.Node | None, key: str) -> tuple[int, int]:
    """Where a key's value begins and ends."""
    node = root
    for step in key.split("."):
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        node = next((value for name, value in entries if name.value == step), None)
    if node is None:
        raise KeyError(key)
    return node.start_mark.index, node.end_mark.index
