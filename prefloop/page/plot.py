"""Plot of a campaign's learning curve, as places on paper that a template draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 640, 280
# The least between two ticks: thousandths of a nat and parts of a label say nothing.
_FINEST = 0.005
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 40


@dataclass(frozen=True)
class Mark:
    """A measured point with its interval, in units of the drawing; `text` says it in words."""

    x: float
    y: float
    low: float
    high: float
    text: str


@dataclass(frozen=True)
class Plot:
    """A drawn curve.

    Attributes:
        points: what was measured.
        line, band: the fit and its interval, as lists of places for SVG; empty without a fit.
        across, up: ticks of both axes: place and text.
    """

    points: tuple[Mark, ...]
    line: str
    band: str
    across: tuple[tuple[float, str], ...]
    up: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    top: int = _TOP
    bottom: int = HEIGHT - _BOTTOM


def plotted(curve: Mapping[str, Any] | None) -> Plot | None:
    """A curve as `campaign_status` gives it; None without a point.

    Args:
        curve: points (labels, score with value, low and high), line (labels, value, low, high).
    """
    points: Sequence[Mapping[str, Any]] = (curve or {}).get("points") or ()
    if not points:
        return None
    line: Sequence[Mapping[str, Any]] = (curve or {}).get("line") or ()
    estimates = [(float(point["labels"]), point["score"]) for point in points]
    fitted = [(float(place["labels"]), place) for place in line]
    across = _Axis.of([x for x, _ in estimates + fitted], _LEFT, WIDTH - _RIGHT)
    values = [one[key] for _, one in estimates for key in ("value", "low", "high")]
    up = _Axis.of(values + [one["value"] for _, one in fitted], HEIGHT - _BOTTOM, _TOP)
    lows = [f"{across.at(x)},{up.at(one['low'])}" for x, one in fitted]
    highs = [f"{across.at(x)},{up.at(one['high'])}" for x, one in fitted]
    return Plot(
        points=tuple(_mark(x, one, across, up) for x, one in estimates),
        line=" ".join(f"{across.at(x)},{up.at(one['value'])}" for x, one in fitted),
        band=" ".join([*lows, *reversed(highs)]),
        across=across.ticks(),
        up=up.ticks(),
    )


def _mark(labels: float, score: Mapping[str, float], across: _Axis, up: _Axis) -> Mark:
    text = f"{labels:,.0f} labelled pairs: {score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"
    return Mark(across.at(labels), up.at(score["value"]), up.at(score["low"]), up.at(score["high"]), text)


@dataclass(frozen=True)
class _Axis:
    """From values to places."""

    low: float
    high: float
    step: float
    start: float
    end: float

    @classmethod
    def of(cls, values: Sequence[float], start: float, end: float) -> _Axis:
        """An axis over all values, from one round number to another."""
        low, high = min(values), max(values)
        rough = max((high - low) / 4, _FINEST)
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(times * power for times in (1, 2, 5, 10) if times * power >= rough)
        first, last = math.floor(low / step), math.ceil(high / step)
        return cls(first * step, max(last, first + 1) * step, step, start, end)

    def at(self, value: float) -> float:
        """The place of a value; one beyond the axis stands at its end."""
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """Places and texts of round numbers."""
        count = round((self.high - self.low) / self.step)
        digits = max(0, -math.floor(math.log10(self.step)))
        values = [self.low + number * self.step for number in range(count + 1)]
        return tuple((self.at(value), f"{value:,.{digits}f}") for value in values)
