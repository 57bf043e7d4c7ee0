"""The pictures of a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from prefloop.report.choices_plot import draw_choices
from prefloop.report.figure import Style, label_axes, name_lines, render, styles
from prefloop.report.intervals_plot import draw_savings
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import Savings
from prefloop.report.wording import digits

Series = dict[str, dict[str, np.ndarray]]


def draw_all(savings: Savings, mean: pa.Table, rounds: pa.Table, outcomes: dict[str, Series]) -> dict[str, bytes]:
    """Draw every picture there is data for.

    Args:
        savings: the comparison.
        mean: rows of curves_mean.csv.
        rounds: rounds of all runs.
        outcomes: curves over the shares by primary outcome, from `outcome_series`.

    Returns:
        Content by file name: name.svg and name.png.
    """
    controls = frozenset(name for name, of in savings.policies.items() if of.control)
    look_of = styles(list(savings.policies), savings.reference, controls)
    pictures = {}
    for split in ("test", "ood"):
        if split in savings.evaluated:
            series = _series(mean, split)
            for metric in ("log_likelihood", "accuracy"):
                name, unit = _METRIC_NAMES[metric]
                words = Words(f"{_SPLIT_NAMES[split]}: {name}", unit)
                pictures[f"{split}_{metric}"] = _curves(savings, series, metric, savings.n_labels, words, look_of)
    if savings.outcomes is not None:
        for name, series in outcomes.items():
            words = _outcome_words(name, savings.outcomes)
            grid = savings.outcomes.n_labels
            pictures[f"outcome_{name}"] = _curves(savings, series, name, grid, words, look_of)
    pictures["savings"] = render(lambda f: draw_savings(f, savings, look_of), 9.5, 1.7 + 0.36 * len(look_of))
    pictures["prompts"] = _rounds_plot(rounds, savings.n_labels, "n_prompts", look_of)
    if rounds["entropy_ratio"].null_count < len(rounds):
        pictures["entropy_ratio"] = _rounds_plot(rounds, savings.n_labels, "entropy_ratio", look_of)
    if any(of.gap for of in savings.choices.values()):
        pictures["choices"] = render(lambda f: draw_choices(f, savings, look_of), 7.5, 5.0)
    return {f"{name}.{ending}": content for name, of in pictures.items() for ending, content in of.items()}


_METRIC_NAMES = {"log_likelihood": ("log-likelihood", "nats per pair, "), "accuracy": ("accuracy", "")}
_SPLIT_NAMES = {"test": "Test", "ood": "Out of distribution"}


@dataclass(frozen=True)
class Words:
    """Title of a plot, and what stands before the explanation of its vertical axis."""

    title: str
    unit: str


def _outcome_words(name: str, outcomes: Outcomes) -> Words:
    if name == "reward_model":
        return Words("Fresh reward model: test accuracy", "")
    shown = digits(outcomes)
    limits = f"uniform choice {outcomes.uniform_score:.{shown}f}, best {outcomes.best_score:.{shown}f}; "
    return Words("Policy proxy: judge score on test prompts", limits)


def _curves(
    savings: Savings, series: Series, metric: str, n_labels: list[int], words: Words, look_of: dict[str, Style]
) -> dict[str, bytes]:
    percent = f"{savings.confidence:.0%}"
    of_seeds = "mean over seeds ± 1 standard error" if len(savings.seeds) > 1 else "one seed"
    height = max(4.2, 1.6 + 0.19 * len(series))

    def draw(figure: Figure) -> None:
        left, right = figure.subplots(1, 2, width_ratios=(1.1, 1))
        for policy, of in series.items():
            _line(left, of["n_labels"], of[metric], look_of[policy])
            error = of[f"{metric}_stderr"]
            _band(left, of["n_labels"], of[metric] - error, of[metric] + error, look_of[policy])
        label_axes(left, n_labels, f"{words.unit}{of_seeds}", words.title)
        name_lines(left, _ends(series, metric), look_of)
        for policy, of in series.items():
            _line(right, of["n_labels"], of[f"{metric}_difference"], look_of[policy])
            low, high = of[f"{metric}_difference_low"], of[f"{metric}_difference_high"]
            _band(right, of["n_labels"], low, high, look_of[policy])
        title = f"Difference from {savings.reference}"
        label_axes(right, n_labels, f"paired, bands are {percent} intervals; above 0 is better", title)
        name_lines(right, _ends(series, f"{metric}_difference"), look_of)

    return render(draw, 11.5, height)


def _rounds_plot(
    rounds: pa.Table, n_labels: list[int], column: str, look_of: dict[str, Style]
) -> dict[str, bytes]:
    titles = {
        "n_prompts": ("Distinct prompts acquired", "mean over seeds, band from the lowest to the highest seed"),
        "entropy_ratio": ("Entropy term against uncertainty term", "ratio of their means over the pairs chosen"),
    }

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ends = {}
        for policy, style in look_of.items():
            rows = rounds.filter(pc.equal(rounds["policy"], policy))
            rows = rows.filter(pc.is_valid(rows[column]))
            if not len(rows):
                continue
            groups = rows.group_by("n_labels", use_threads=False)
            by = groups.aggregate([(column, "mean"), (column, "min"), (column, "max")])
            x, mean, low, high = (
                by.sort_by("n_labels")[name].to_numpy()
                for name in ("n_labels", *(f"{column}_{f}" for f in ("mean", "min", "max")))
            )
            _line(axes, x, mean, style)
            _band(axes, x, low, high, style)
            ends[policy] = (float(x[-1]), float(mean[-1]))
        title, y = titles[column]
        label_axes(axes, n_labels, y, title)
        name_lines(axes, ends, look_of)

    return render(draw, 6.8, 4.0)


def _line(axes: Any, x: np.ndarray, y: np.ndarray, style: Style) -> None:
    axes.plot(x, y, color=style.colour, linestyle=style.dash, linewidth=style.width, solid_capstyle="round")


def _band(axes: Any, x: np.ndarray, low: np.ndarray, high: np.ndarray, style: Style) -> None:
    axes.fill_between(x, low, high, color=style.colour, alpha=style.shade, lw=0)


def _ends(series: Series, column: str) -> dict[str, tuple[float, float]]:
    return {policy: (float(of["n_labels"][-1]), float(of[column][-1])) for policy, of in series.items()}


def _series(mean: pa.Table, split: str) -> Series:
    rows = mean.filter(pc.equal(mean["split"], split))
    return {
        policy: {name: part[name].to_numpy(zero_copy_only=False) for name in part.column_names}
        for policy in dict.fromkeys(rows["policy"].to_pylist())
        for part in [rows.filter(pc.equal(rows["policy"], policy))]
    }
