"""Learning curve of a campaign as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from prefloop.report.figure import render

_COLOUR, _PAIRS = "#0072B2", "#262626"


def curve_png(status: Mapping[str, Any], confidence: float) -> bytes:
    """Draw the curve of a status as PNG; with a sentence in its place where there is none.

    Args:
        status: of `prefloop.campaign.status`.
        confidence: of the intervals.
    """

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_title("Learning curve of the audit slice", fontweight="bold", pad=20)
        unit = f"log-likelihood of a vote on a pair that the model has not seen, nats; {confidence:.0%} intervals"
        axes.text(0, 1.02, unit, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")
        axes.set_xlabel("labelled pairs")
        if not status["curve"]["line"]:
            axes.set_axis_off()
            axes.text(0.5, 0.5, status["advice"]["why"][0], transform=axes.transAxes, ha="center", wrap=True)
            return
        _fit(axes, status["curve"]["line"])
        _points(axes, status["curve"]["points"])
        _marks(axes, status)
        axes.legend(loc="upper left", bbox_to_anchor=(0, -0.14), ncols=4, borderaxespad=0)

    return render(draw, 7.2, 4.4)["png"]


def _fit(axes: Any, line: list[dict[str, float]]) -> None:
    n, value, low, high = (
        np.array([place[name] for place in line]) for name in ("labels", "value", "low", "high")
    )
    axes.fill_between(n, low, high, color=_COLOUR, alpha=0.18, linewidth=0)
    axes.plot(n, value, color=_COLOUR, linewidth=2, label="fit")


def _points(axes: Any, points: list[dict[str, Any]]) -> None:
    n = [point["labels"] for point in points]
    value, low, high = (np.array([point["score"][name] for point in points]) for name in ("value", "low", "high"))
    bars = [value - low, high - value]
    axes.errorbar(n, value, bars, fmt="o", color=_PAIRS, markersize=4, linewidth=0.9, label="audit pairs")


def _marks(axes: Any, status: Mapping[str, Any]) -> None:
    """Where the campaign stands, and what the votes' own agreement allows."""
    axes.axvline(status["pairs"]["labelled"], color="#8C8C8C", linewidth=1, linestyle=(0, (3, 2)), label="now")
    if status["ceiling"] is not None:
        level = status["ceiling"]["score"]
        axes.axhline(level, color="#D55E00", linewidth=1.2, linestyle=(0, (5, 1.5)), label="agreement allows")
