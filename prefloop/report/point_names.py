"""Names beside points: where they cover no mark and no other name, and as few error bars as can be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.transforms import Bbox

# Where a name is tried about its mark, nearest first: points, and degrees.
_DISTANCES, _DIRECTIONS = (7, 14, 22, 32, 44, 58, 74, 92), (0, 180, 45, 135, 315, 225, 90, 270)
_LEADER_FROM = 20


@dataclass(frozen=True)
class Mark:
    """A point with its error bars.

    Attributes:
        data: (x, y) in the units of the axes.
        centre, low, high: float64 [2], the point and the ends of its bars, pixels.
        size: width of the mark, pixels.
    """

    data: tuple[float, float]
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    size: float

    def box(self) -> Bbox:
        """The mark itself."""
        return Bbox([self.centre - self.size / 2, self.centre + self.size / 2])

    def bars(self) -> list[Bbox]:
        """The horizontal and the vertical bar, two pixels thick."""
        (x, y), (left, bottom), (right, top) = self.centre, self.low, self.high
        return [Bbox.from_extents(left, y - 1, right, y + 1), Bbox.from_extents(x - 1, bottom, x + 1, top)]


def name_points(axes: Any, marks: dict[str, Mark], colours: dict[str, str]) -> None:
    """Write each mark's name near it, with a line to it where that is far.

    Args:
        axes: the plot, its layout settled.
        marks: by name.
        colours: by name.
    """
    pixels, inside = axes.figure.dpi / 72, axes.get_window_extent()
    taken = [mark.box() for mark in marks.values()]
    bars = [bar for mark in marks.values() for bar in mark.bars()]
    for name, mark in marks.items():
        probe = axes.text(*mark.data, name)
        size = probe.get_window_extent()
        probe.remove()
        tried = [(_shifted(mark, size, shift * pixels, side), shift, side) for shift, side in _candidates()]
        # The first of the least bad: candidates come in the order of their distance.
        box, shift, side = min(tried, key=lambda candidate: _badness(candidate[0], taken, bars, inside))
        taken.append(box)
        axes.annotate(
            name,
            xy=mark.data,
            xytext=tuple(shift),
            textcoords="offset points",
            color=colours[name],
            ha=side,
            va="center",
            arrowprops=_leader(colours[name], shift, side),
        )


def _leader(colour: str, shift: np.ndarray, side: str) -> dict[str, Any] | None:
    if float(np.hypot(*shift)) <= _LEADER_FROM:
        return None
    start = ({"left": 0.0, "center": 0.5, "right": 1.0}[side], 0.5)
    return {"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 2, "relpos": start}


def _candidates() -> list[tuple[np.ndarray, str]]:
    """Shifts in points with the alignment that each asks for, nearest first."""
    candidates = []
    for distance in _DISTANCES:
        for direction in _DIRECTIONS:
            if distance > _LEADER_FROM and not direction % 90:  # a line along an error bar would lengthen it
                continue
            angle = np.deg2rad(direction)
            shift = distance * np.round([np.cos(angle), np.sin(angle)], 6)
            candidates.append((shift, "center" if direction in (90, 270) else "left" if shift[0] > 0 else "right"))
    return candidates


def _shifted(mark: Mark, size: Bbox, shift: np.ndarray, side: str) -> Bbox:
    x, y = mark.centre + shift
    left = x - {"left": 0.0, "center": size.width / 2, "right": size.width}[side]
    return Bbox.from_bounds(left, y - size.height / 2, size.width, size.height)


def _badness(box: Bbox, taken: list[Bbox], bars: list[Bbox], inside: Bbox) -> tuple[int, int]:
    within = inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 and box.y1 <= inside.y1
    return box.count_overlaps(taken) + (not within), box.count_overlaps(bars)
