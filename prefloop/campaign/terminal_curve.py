"""Learning curve of a campaign as text: the fit with its interval, and the means of the audit slice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_BAND, _FIT, _POINT = "░", "─", "●"


def terminal_curve(curve: Mapping[str, Any], width: int = 72, height: int = 14) -> str:
    """Draw the curve of a status (`prefloop.campaign.learned`); empty where there is nothing to draw.

    Args:
        curve: points and line.
        width, height: characters of the plot, its axes included.
    """
    line, points = curve["line"], curve["points"]
    if not line:
        return ""
    means = [point["score"]["value"] for point in points]
    low = min([place["low"] for place in line] + means)
    high = max([place["high"] for place in line] + means)
    first, last = line[0]["labels"], line[-1]["labels"]
    plot = _Plot(width - 9, height - 2, (first, last), (low, high))
    for column in range(plot.width):
        place = line[round(column * (len(line) - 1) / max(plot.width - 1, 1))]
        for row in range(plot.row(place["high"]), plot.row(place["low"]) + 1):
            plot.cells[row][column] = _BAND
        plot.cells[plot.row(place["value"])][column] = _FIT
    for point in points:
        plot.cells[plot.row(point["score"]["value"])][plot.column(point["labels"])] = _POINT
    return "\n".join([*plot.lines(), _axis(first, last, plot.width)])


class _Plot:
    """A grid of characters over labels and scores."""

    def __init__(self, width: int, height: int, x: tuple[float, float], y: tuple[float, float]) -> None:
        self.width, self.height, self._x = width, height, x
        # A flat curve has a scale all the same.
        middle, half = sum(y) / 2, max((y[1] - y[0]) / 2, 1e-3)
        self._y = (middle - half, middle + half)
        self.cells = [[" "] * width for _ in range(height)]

    def row(self, score: float) -> int:
        low, high = self._y
        return min(max(round((high - score) / (high - low) * (self.height - 1)), 0), self.height - 1)

    def column(self, labels: float) -> int:
        first, last = self._x
        share = (labels - first) / (last - first) if last > first else 0.0
        return min(max(round(share * (self.width - 1)), 0), self.width - 1)

    def lines(self) -> list[str]:
        low, high = self._y
        scale = [high - row * (high - low) / (self.height - 1) for row in range(self.height)]
        names = [f"{score:7.3f}" if row % 4 == 0 else " " * 7 for row, score in enumerate(scale)]
        return [f"{name} │{''.join(cells)}" for name, cells in zip(names, self.cells, strict=True)]


def _axis(first: float, last: float, width: int) -> str:
    left, right = f"{first:.0f}", f"{last:.0f} labelled pairs"
    ticks = " " * 8 + "└" + "─" * width
    return ticks + "\n" + " " * 9 + left + " " * max(width - len(left) - len(right), 1) + right
