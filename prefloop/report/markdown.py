"""Pieces of Markdown."""

from __future__ import annotations

from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def picture(name: str, caption: str) -> str:
    """A picture that lies in `plots/`, with its caption below."""
    return f"![{caption}](plots/{name}.png)\n\n*{caption}*\n"
