"""The picture of label savings: a dot and an interval per policy, gains and losses alike."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from prefloop.report.figure import Style
from prefloop.report.results import Savings


def draw_savings(figure: Figure, savings: Savings, look_of: dict[str, Style]) -> None:
    """Draw labels saved (left) and the difference of the curves' areas (right), best policy first.

    Where the comparison cannot tell there is no dot, and where nothing says how uncertain a number is no line.
    """
    left, right = figure.subplots(1, 2, sharey=True)
    others = [name for name in savings.policies if name != savings.reference]
    others.sort(key=lambda name: savings.policies[name].area.difference)
    _savings_panel(left, savings, others, look_of)
    for height, name in enumerate(others):
        of = savings.policies[name].area
        _interval(right, height, of.low, of.high, of.difference, look_of[name])
    for axes in (left, right):
        axes.axvline(0, color="#000000", lw=1)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    left.set_yticks(range(len(others)), others)
    left.set_ylim(-0.6, len(others) - 0.4)
    _titles(left, right, savings)


def _savings_panel(axes: Any, savings: Savings, names: list[str], look_of: dict[str, Style]) -> None:
    for height, name in enumerate(names):
        of = savings.policies[name].saving
        if of is not None and of.saved is not None:
            _interval(axes, height, of.saved_low, of.saved_high, of.saved, look_of[name], hollow=of.beyond)
    axes.set_xlim(left=max(axes.get_xlim()[0], -2.0))


def _titles(left: Any, right: Any, savings: Savings) -> None:
    left.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    percent = f"{savings.confidence:.0%} intervals"
    for axes, title, below in (
        (left, f"Labels saved against {savings.reference}", f"by test log-likelihood; {percent}"),
        (
            right,
            "Difference of the area under the curve",
            f"test log-likelihood, nats; {percent}; right of 0 is better",
        ),
    ):
        axes.set_title(title, fontweight="bold", pad=20)
        axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")


def _interval(
    axes: Any,
    height: int,
    low: float | None,
    high: float | None,
    middle: float,
    style: Style,
    hollow: bool = False,
) -> None:
    if low is not None and high is not None:
        axes.plot([low, high], [height, height], color=style.colour, lw=2, solid_capstyle="round")
    face = "white" if hollow else style.colour
    axes.plot([middle], [height], "o", ms=7, mfc=face, mec=style.colour, mew=1.6, zorder=3)
