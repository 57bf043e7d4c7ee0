"""Pictures of a comparison of active DPO runs."""

from __future__ import annotations

from math import inf
from typing import Any

import pyarrow as pa
from matplotlib.figure import Figure

from prefloop.dpo.report.results import Comparison
from prefloop.errors import shown
from prefloop.report.curves_plot import (
    About,
    Series,
    Words,
    behind_bars,
    draw_curves,
    line_ends,
    mean_curves,
    series_of,
)
from prefloop.report.figure import Style, label_axes, name_lines, render, styles

_MOVES = (
    ("kl", "KL divergence to the reference", "nats per completion", (-inf, inf)),
    ("length", "Length", "tokens per completion", (0.0, inf)),
    ("distinct_2", "Distinct-2", "distinct pairs of tokens by all", (0.0, 1.0)),
)
_TITLES = {"oracle": "Win rate by the training oracle", "judge": "Win rate by the independent judge"}


def draw_all(comparison: Comparison, mean: pa.Table) -> dict[str, bytes]:
    """Draw every picture there is data for.

    Args:
        comparison: the comparison.
        mean: rows of curves_mean.csv.

    Returns:
        Content by file name: name.svg and name.png.
    """
    look_of = styles(list(comparison.policies), comparison.reference)
    about = About(comparison.reference, len(comparison.seeds), comparison.confidence)
    series, n_labels = series_of(mean), [0, *comparison.n_labels]
    pictures = {
        f"win_{judge}": draw_curves(
            about, series, f"win_{judge}", n_labels, Words(_TITLES[judge], f"{shown(judged.name)}; "), look_of
        )
        for judge, judged in comparison.judges.items()
    }
    pictures["win_vs_kl"] = _paths(comparison, series, look_of)
    pictures["moves"] = _moves(comparison, series, n_labels, look_of)
    return {
        f"{name}.{ending}": content for name, picture in pictures.items() for ending, content in picture.items()
    }


def _paths(comparison: Comparison, series: Series, look_of: dict[str, Style]) -> dict[str, bytes]:
    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(comparison.judges), squeeze=False)[0]
        for axes, judge in zip(panels, comparison.judges, strict=True):
            _path_panel(axes, f"win_{judge}", series, look_of)
            axes.set_title(_TITLES[judge], fontweight="bold", pad=20)
            means = "mean over seeds" if len(comparison.seeds) > 1 else "one seed"
            below = f"against KL; one point a round, {means}"
            axes.text(0, 1.02, below, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")
            axes.set_xlabel("KL divergence to the reference, nats per completion")
            name_lines(axes, line_ends(series, f"win_{judge}", "kl"), look_of)

    return render(draw, 6.2 * len(comparison.judges), max(4.6, 1.6 + 0.19 * len(series)))


def _path_panel(axes: Any, metric: str, series: Series, look_of: dict[str, Style]) -> None:
    for policy, curves in series.items():
        style = look_of[policy]
        axes.plot(
            *(curves["kl"], curves[metric]),
            color=style.colour,
            linestyle=style.dash,
            linewidth=style.width,
            marker="o",
            markersize=3.5,
        )


def _moves(
    comparison: Comparison, series: Series, n_labels: list[int], look_of: dict[str, Style]
) -> dict[str, bytes]:
    def draw(figure: Figure) -> None:
        panels = figure.subplots(1, len(_MOVES))
        for axes, (column, title, unit, bounds) in zip(panels, _MOVES, strict=True):
            mean_curves(axes, series, column, look_of, bounds)
            label_axes(axes, n_labels, unit, title)
            name_lines(axes, behind_bars(line_ends(series, column), n_labels[0]), look_of)
        panels[0].text(
            *(0, -0.2),
            "Mean over seeds; bars at the end are ± 1 standard error" if len(comparison.seeds) > 1 else "One seed",
            transform=panels[0].transAxes,
            fontsize=9,
            color="#595959",
            va="top",
        )

    return render(draw, 14.5, max(3.8, 1.6 + 0.19 * len(series)))
