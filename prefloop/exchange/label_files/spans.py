"""Spans of row numbers in a message: 3-7, 9, 12-40, ..."""

from __future__ import annotations

from collections.abc import Sequence

_MOST = 8


def spans(rows: Sequence[int]) -> str:
    """Ascending row numbers as short as they can be said, and only the first spans of many."""
    ends: list[list[int]] = []
    for row in rows:
        if ends and row <= ends[-1][1] + 1:
            ends[-1][1] = row
        else:
            ends.append([row, row])
    told = [str(first) if first == last else f"{first}-{last}" for first, last in ends[:_MOST]]
    return ", ".join([*told, *(["..."] if len(ends) > _MOST else [])])
