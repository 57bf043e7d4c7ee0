"""The picture of learning curves: every policy's, and its paired difference from the reference's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from prefloop.report.figure import Style, label_axes, name_lines, render

# Columns by policy, named as those of curves_mean.csv.
Series = dict[str, dict[str, np.ndarray]]


@dataclass(frozen=True)
class About:
    """What all pictures of a comparison say: the reference, the number of seeds, the coverage of intervals."""

    reference: str
    seeds: int
    confidence: float


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
    look_of: dict[str, Style],
) -> dict[str, bytes]:
    """Draw one metric's curves (left) and their differences from the reference's (right).

    Args:
        about: the comparison.
        series: with the columns n_labels, `metric` and its `_stderr`, `_difference`, `_difference_low` and
            `_difference_high`.
        metric: the column.
        n_labels: labels after each round.
        words: title and unit.
        look_of: style of each policy.

    Returns:
        Content by file ending.
    """
    height = max(4.2, 1.6 + 0.19 * len(series))

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        mean_curves(left, series, metric, look_of)
        label_axes(left, n_labels, f"{words.unit}{of_seeds(about.seeds)}", words.title)
        name_lines(left, line_ends(series, metric), look_of)
        for policy, of in series.items():
            line(right, of["n_labels"], of[f"{metric}_difference"], look_of[policy])
            low, high = of[f"{metric}_difference_low"], of[f"{metric}_difference_high"]
            band(right, of["n_labels"], low, high, look_of[policy])
        title = f"Difference from {about.reference}"
        below = f"paired, bands are {about.confidence:.0%} intervals; above 0 is better"
        label_axes(right, n_labels, below, title)
        name_lines(right, line_ends(series, f"{metric}_difference"), look_of)

    return render(draw, 11.5, height)


def mean_curves(axes: Any, series: Series, metric: str, look_of: dict[str, Style]) -> None:
    """Draw the curves of one metric with bands of one standard error."""
    for policy, of in series.items():
        line(axes, of["n_labels"], of[metric], look_of[policy])
        error = of[f"{metric}_stderr"]
        band(axes, of["n_labels"], of[metric] - error, of[metric] + error, look_of[policy])


def of_seeds(seeds: int) -> str:
    """What a mean curve is the mean of."""
    return "mean over seeds ± 1 standard error" if seeds > 1 else "one seed"


def line(axes: Any, x: np.ndarray, y: np.ndarray, style: Style) -> None:
    """Draw one policy's line."""
    axes.plot(x, y, color=style.colour, linestyle=style.dash, linewidth=style.width, solid_capstyle="round")


def band(axes: Any, x: np.ndarray, low: np.ndarray, high: np.ndarray, style: Style) -> None:
    """Draw the band about one policy's line."""
    axes.fill_between(x, low, high, color=style.colour, alpha=style.shade, lw=0)


def line_ends(series: Series, column: str, x: str = "n_labels") -> dict[str, tuple[float, float]]:
    """Last point of each line."""
    return {policy: (float(of[x][-1]), float(of[column][-1])) for policy, of in series.items()}


def series_of(rows: pa.Table) -> Series:
    """Columns of a table, policy by policy; nulls are NaN."""
    return {
        policy: {name: part[name].to_numpy(zero_copy_only=False) for name in part.column_names}
        for policy in dict.fromkeys(rows["policy"].to_pylist())
        for part in [rows.filter(pc.equal(rows["policy"], policy))]
    }
