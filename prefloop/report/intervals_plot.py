"""The picture of label savings: a dot and an interval per policy, gains and losses alike."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from prefloop.report.figure import Style
from prefloop.report.results import Savings


def draw_savings(figure: Figure, savings: Savings, look_of: dict[str, Style]) -> None:
    """Draw labels saved (left) and the difference of the curves' areas (right), best policy first.

    Where the target is not reached within the budget there is no number: such a bound or estimate
    stands in a column "never" at the left.
    """
    left, right = figure.subplots(1, 2, sharey=True)
    others = [name for name in savings.policies if name != savings.reference]
    others.sort(key=lambda name: savings.policies[name].area.difference)
    never = _savings_panel(left, savings, others, look_of)
    for height, name in enumerate(others):
        of = savings.policies[name].area
        _interval(right, height, of.low, of.high, of.difference, look_of[name])
    for axes in (left, right):
        axes.axvline(0, color="#000000", lw=1)
        axes.grid(axis="y", visible=False)
        axes.tick_params(axis="y", length=0)
    left.set_yticks(range(len(others)), others)
    left.set_ylim(-0.6, len(others) - 0.4)
    _titles(left, right, savings, never)


def _savings_panel(axes: Any, savings: Savings, names: list[str], look_of: dict[str, Style]) -> float:
    shown = [savings.policies[name] for name in names]
    numbers = [v for of in shown for v in (of.saved, of.saved_low, of.saved_high) if v is not None]
    width = max([*numbers, 0.25])
    never = -0.16 * width
    for height, of in enumerate(shown):
        low, high, middle = (never if v is None else v for v in (of.saved_low, of.saved_high, of.saved))
        _interval(axes, height, low, high, middle, look_of[names[height]], hollow=of.never)
    axes.axvspan(1.6 * never, 0.4 * never, color="#F0F0F0", lw=0, zorder=0)
    axes.set_xlim(1.6 * never, width * 1.08)
    return never


def _titles(left: Any, right: Any, savings: Savings, never: float) -> None:
    left.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    ticks = [tick for tick in left.get_xticks() if 0 <= tick <= left.get_xlim()[1]]
    left.set_xticks([never, *ticks], ["never", *(f"{tick:.0%}" for tick in ticks)])
    percent = f"{savings.confidence:.0%} intervals"
    for axes, title, below in (
        (left, f"Labels saved against {savings.reference}", f"to its final test log-likelihood; {percent}"),
        (
            right,
            "Difference of the area under the curve",
            f"test log-likelihood, nats; {percent}; right of 0 is better",
        ),
    ):
        axes.set_title(title, fontweight="bold", pad=20)
        axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")


def _interval(
    axes: Any, height: int, low: float, high: float, middle: float, style: Style, hollow: bool = False
) -> None:
    axes.plot([low, high], [height, height], color=style.colour, lw=2, solid_capstyle="round")
    face = "white" if hollow else style.colour
    axes.plot([middle], [height], "o", ms=7, mfc=face, mec=style.colour, mew=1.6, zorder=3)
