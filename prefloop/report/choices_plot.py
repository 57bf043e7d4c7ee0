"""The picture of what was compared: gap against winner regret, a point per policy."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from prefloop.report.figure import Style
from prefloop.report.numbers import Estimate
from prefloop.report.point_names import Mark, name_points
from prefloop.report.results import Savings
from prefloop.report.wording import shown

_SIZE = 6.0


def draw_choices(figure: Figure, savings: Savings, look_of: dict[str, Style]) -> None:
    """Draw the mean gap (right is larger) against the mean winner regret (low is better)."""
    axes = figure.subplots()
    points = {
        name: (choices.gap, choices.winner_regret)
        for name, choices in savings.choices.items()
        if choices.gap is not None and choices.winner_regret is not None
    }
    for name, (gap, regret) in points.items():
        axes.errorbar(
            gap.value,
            regret.value,
            xerr=_bars(gap),
            yerr=_bars(regret),
            color=look_of[name].colour,
            marker="D" if savings.policies[name].oracle_upper_bound else "o",
            ms=_SIZE,
            lw=1,
        )
    axes.margins(0.12)
    spread = f"; bars are {savings.confidence:.0%} intervals over seeds" if len(savings.seeds) > 1 else ""
    below = f"winner regret: the prompt's best score − the better of the two{spread}"
    axes.set_title("Which two responses were compared", fontweight="bold", pad=20)
    axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")
    axes.set_xlabel("gap: difference of the two scores")
    figure.draw_without_rendering()  # settles the layout, so that pixels mean what they will mean
    figure.set_layout_engine("none")
    marks = {shown(name, savings): _mark(axes, *point) for name, point in points.items()}
    name_points(axes, marks, {shown(name, savings): look_of[name].colour for name in points})


def _bars(estimate: Estimate) -> np.ndarray:
    """Lengths of the bars below and above the value: float64 [2, 1]; an interval may end at a bound."""
    low, high = (estimate.value if end is None else end for end in (estimate.low, estimate.high))
    return np.array([[estimate.value - low], [high - estimate.value]])


def _mark(axes: Any, x: Estimate, y: Estimate) -> Mark:
    middle = np.array([x.value, y.value])
    below, above = np.concatenate([_bars(x), _bars(y)], axis=1)
    low, centre, high = axes.transData.transform([middle - below, middle, middle + above])
    return Mark(tuple(middle), centre, low, high, _SIZE * axes.figure.dpi / 72)
