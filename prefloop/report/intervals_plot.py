"""The picture of label savings: a dot and an interval per policy, gains and losses alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from prefloop.report.figure import Style
from prefloop.report.numbers import Saving
from prefloop.report.results import Savings
from prefloop.report.wording import best_baseline, ordered

# Beyond so many more labels an interval is cut off, and a dot becomes an arrow.
_LOWEST = -1.5


def draw_savings(figure: Figure, savings: Savings, look_of: Mapping[str, Style]) -> None:
    """Draw labels saved against the best without a model and against random, and the curves' difference from it.

    The best curve stands on top. Where the comparison cannot tell, there is no panel of savings; where nothing
    says how uncertain a number is, no line.
    """
    names = [name for name in reversed(ordered(savings)) if name != savings.reference]
    best = best_baseline(savings)
    of_savings = [best, savings.reference] if best != savings.reference else [savings.reference]
    panels = figure.subplots(1, len(of_savings) * savings.conclusive + 1, sharey=True, squeeze=False)[0]
    for axes, baseline in zip(panels, of_savings if savings.conclusive else [], strict=False):
        _savings_panel(axes, savings, baseline, names, look_of)
    _difference_panel(panels[-1], savings, names, look_of)
    for axes in panels:
        axes.axvline(0, color="#000000", lw=1)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(-0.6, len(names) - 0.4)


def _savings_panel(
    axes: Any, savings: Savings, baseline: str, names: list[str], look_of: Mapping[str, Style]
) -> None:
    for row, name in enumerate(names):
        result = savings.policies[name]
        duel = result.against_random if baseline == savings.reference else result.against_best
        if duel is not None and duel.saving.told:
            _saving(axes, row, duel.saving, look_of[name])
    axes.set_xlim(_LOWEST, 1.0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    _title(axes, f"Labels saved against {baseline}", _together(savings))


def _difference_panel(axes: Any, savings: Savings, names: list[str], look_of: Mapping[str, Style]) -> None:
    for row, name in enumerate(names):
        area = savings.policies[name].area
        _interval(axes, row, area.low, area.high, area.difference, look_of[name])
    _title(axes, f"Normalised AUC minus {savings.reference}'s", f"nats; {_together(savings)}")


def _together(savings: Savings) -> str:
    return f"{savings.confidence:.0%} intervals, all together"


def _title(axes: Any, title: str, below: str) -> None:
    axes.set_title(title, fontweight="bold", fontsize=10, pad=20)
    axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")


def _saving(axes: Any, row: int, saving: Saving, style: Style) -> None:
    if saving.saved is not None and saving.saved < _LOWEST:
        axes.plot([_LOWEST], [row], "<", ms=7, color=style.colour, zorder=3, clip_on=False)
    elif saving.saved is not None:
        _interval(axes, row, saving.saved_low, saving.saved_high, saving.saved, style, hollow=saving.beyond)


def _interval(
    axes: Any,
    row: int,
    low: float | None,
    high: float | None,
    middle: float,
    style: Style,
    hollow: bool = False,
) -> None:
    if low is not None and high is not None:
        axes.plot([low, high], [row, row], color=style.colour, lw=2, solid_capstyle="round")
    face = "white" if hollow else style.colour
    axes.plot([middle], [row], "o", ms=7, mfc=face, mec=style.colour, mew=1.6, zorder=3)
