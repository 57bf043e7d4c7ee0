"""The picture of learning curves: all means in one plot, and a panel of its own for every policy's difference."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from prefloop.report.figure import Style, label_axes, name_lines, render

# Columns by policy, named as those of curves_mean.csv.
Series = dict[str, dict[str, np.ndarray]]
_SMALL = 8.5
# Between two bars at the ends of lines, of the range of labels.
_BAR_STEP = 0.007


@dataclass(frozen=True)
class About:
    """What all pictures of a comparison say.

    Attributes:
        reference: what differences are from.
        seeds: number of seeds.
        confidence: coverage of the intervals.
        beside: policies whose difference stands in every panel as a thin line: the baselines without a model.
        left_out: policies that are not drawn: streams that the reference is the mean of.
    """

    reference: str
    seeds: int
    confidence: float
    beside: Sequence[str] = ()
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Words:
    """Title of a plot, and what stands before the explanation of its vertical axis."""

    title: str
    unit: str


def draw_curves(
    about: About,
    series: Series,
    metric: str,
    n_labels: Sequence[int],
    words: Words,
    look_of: Mapping[str, Style],
) -> dict[str, bytes]:
    """Draw one metric's curves (left), and each policy's difference from the reference's in a panel (right).

    Args:
        about: the comparison.
        series: with the columns n_labels, `metric` and its `_difference`, `_difference_low` and
            `_difference_high`.
        metric: the column.
        n_labels: labels after each round.
        words: title and unit.
        look_of: style of each policy.

    Returns:
        Content by file ending.
    """
    drawn = {policy: values for policy, values in series.items() if policy not in about.left_out}
    panels = [policy for policy in by_difference(drawn, metric) if policy != about.reference]
    columns = 1 if len(panels) < 3 else 2 if len(panels) < 7 else 3 if len(panels) < 13 else 4
    rows = max(ceil(len(panels) / columns), 1)
    height = max(4.4, 1.0 + 1.45 * rows, 1.6 + 0.19 * len(drawn))

    def draw(figure: Figure) -> None:
        left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1, 0.55 + 0.3 * columns))[0]
        axes = left.subplots()
        for policy, values in drawn.items():
            line(axes, values["n_labels"], values[metric], look_of[policy])
        label_axes(axes, n_labels, f"{words.unit}{of_seeds(about.seeds)}", words.title)
        _name_after_layout(figure, axes, line_ends(drawn, metric), look_of)
        if panels:
            _panels(right, about, drawn, metric, n_labels, panels, columns, look_of)

    return render(draw, 6.4 + 2.5 * columns, height)


def _panels(
    figure: Any,
    about: About,
    series: Series,
    metric: str,
    n_labels: Sequence[int],
    panels: Sequence[str],
    columns: int,
    look_of: Mapping[str, Style],
) -> None:
    """A small plot per policy, the best first; a row shares its vertical axis, so that a bad one flattens few."""
    rows = ceil(len(panels) / columns)
    grid = figure.subplots(rows, columns, sharex=True, sharey="row", squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place >= len(panels):
            axes.set_visible(False)
            continue
        policy = panels[place]
        _panel(axes, about, series, metric, policy, look_of)
        axes.set_title(policy, fontsize=_SMALL + 0.5, color=look_of[policy].colour, pad=3)
        axes.tick_params(labelsize=_SMALL - 1)
        axes.set_xticks([n_labels[0], n_labels[len(n_labels) // 2], n_labels[-1]])
        axes.tick_params(labelbottom=place + columns >= len(panels))
    figure.supxlabel("labels", fontsize=_SMALL)
    beside = f"; thin: {', '.join(about.beside)}" if about.beside else ""
    figure.suptitle(
        f"Difference from {about.reference}, paired; bands are {about.confidence:.0%} intervals\n"
        f"of one round each; above 0 is better{beside}",
        fontsize=_SMALL + 0.5,
        x=0.02,
        ha="left",
    )


def _panel(
    axes: Any, about: About, series: Series, metric: str, policy: str, look_of: Mapping[str, Style]
) -> None:
    values, style, column = series[policy], look_of[policy], f"{metric}_difference"
    axes.axhline(0, color=look_of[about.reference].colour, lw=1)
    for other in about.beside:
        if other in series and other != policy:
            x, y = series[other]["n_labels"], series[other][column]
            axes.plot(x, y, color=look_of[other].colour, linestyle=look_of[other].dash, lw=0.8, alpha=0.8)
    axes.fill_between(
        values["n_labels"], values[f"{column}_low"], values[f"{column}_high"], color=style.colour, alpha=0.2, lw=0
    )
    line(axes, values["n_labels"], values[column], style)


def _name_after_layout(
    figure: Any, axes: Any, ends: dict[str, tuple[float, float]], look_of: Mapping[str, Style]
) -> None:
    """Names take their room from the plot, so they are placed once the layout has settled."""
    figure.draw_without_rendering()
    name_lines(axes, ends, look_of)


def mean_curves(
    axes: Any,
    series: Series,
    metric: str,
    look_of: Mapping[str, Style],
    bounds: tuple[float, float] = (-np.inf, np.inf),
) -> None:
    """Draw the curves of one metric, with one standard error at their right ends, within what there can be."""
    for number, (policy, values) in enumerate(series.items()):
        line(axes, values["n_labels"], values[metric], look_of[policy])
        low, high = np.clip(values[metric] + np.array([[-1], [1]]) * values[f"{metric}_stderr"], *bounds)
        end_bar(axes, values["n_labels"], float(low[-1]), float(high[-1]), look_of[policy], number)


def behind_bars(ends: Mapping[str, tuple[float, float]], first: float) -> dict[str, tuple[float, float]]:
    """Ends of lines moved behind all their bars, so that names do not stand on these.

    Args:
        ends: last (x, y) of each line.
        first: x where the lines begin.
    """
    return {name: (x + _BAR_STEP * (len(ends) + 1) * (x - first), y) for name, (x, y) in ends.items()}


def end_bar(axes: Any, x: np.ndarray, low: float, high: float, style: Style, number: int) -> None:
    """Draw an interval right of a line's end: bars beside each other hide nothing, as bands would.

    Args:
        axes: the plot.
        x: labels of the line.
        low, high: the interval.
        style: of the line.
        number: place among the lines.
    """
    shift = _BAR_STEP * (number + 1) * float(x[-1] - x[0])
    axes.plot([x[-1] + shift] * 2, [low, high], color=style.colour, lw=1.4, solid_capstyle="butt")


def of_seeds(seeds: int) -> str:
    """What a mean curve is the mean of."""
    return "mean over seeds" if seeds > 1 else "one seed"


def line(axes: Any, x: np.ndarray, y: np.ndarray, style: Style) -> None:
    """Draw one policy's line."""
    axes.plot(x, y, color=style.colour, linestyle=style.dash, linewidth=style.width, solid_capstyle="round")


def line_ends(series: Series, column: str, x: str = "n_labels") -> dict[str, tuple[float, float]]:
    """Last point of each line."""
    return {policy: (float(values[x][-1]), float(values[column][-1])) for policy, values in series.items()}


def by_difference(series: Series, metric: str) -> list[str]:
    """Policies, the highest mean difference first."""
    return sorted(series, key=lambda policy: -float(np.mean(series[policy][f"{metric}_difference"])))


def series_of(rows: pa.Table) -> Series:
    """Columns of a table, policy by policy; nulls are NaN."""
    return {
        policy: {name: part[name].to_numpy(zero_copy_only=False) for name in part.column_names}
        for policy in dict.fromkeys(rows["policy"].to_pylist())
        for part in [rows.filter(pc.equal(rows["policy"], policy))]
    }
