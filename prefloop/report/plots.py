"""The pictures of a comparison."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.figure import Figure

from prefloop.report.choices_plot import draw_choices
from prefloop.report.curves_plot import About, Series, Words, behind_bars, draw_curves, end_bar, line, series_of
from prefloop.report.figure import Style, label_axes, name_lines, render, styles
from prefloop.report.intervals_plot import draw_savings
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import Savings
from prefloop.report.wording import digits, model_free


def draw_all(savings: Savings, mean: pa.Table, rounds: pa.Table, outcomes: dict[str, Series]) -> dict[str, bytes]:
    """Draw every picture there is data for.

    Args:
        savings: the comparison.
        mean: rows of curves_mean.csv.
        rounds: rounds of all runs.
        outcomes: curves over the shares by outcome, from `outcome_series`.

    Returns:
        Content by file name: name.svg and name.png.
    """
    look_of = styles(list(savings.policies), savings.reference)
    about = About(
        savings.reference,
        len(savings.seeds),
        savings.confidence,
        beside=[name for name in model_free(savings) if name != savings.reference],
        left_out=frozenset(name for name, result in savings.policies.items() if result.control),
    )
    pictures = {}
    for split in ("test", "ood"):
        if split in savings.evaluated:
            series, grid = _of_split(mean, split), savings.n_labels
            for metric in ("log_likelihood", "accuracy"):
                name, unit = _METRIC_NAMES[metric]
                words = Words(f"{_SPLIT_NAMES[split]}: {name}", unit)
                pictures[f"{split}_{metric}"] = draw_curves(about, series, metric, grid, words, look_of)
    if savings.outcomes is not None:
        for name, series in outcomes.items():
            words = _outcome_words(name, savings.outcomes)
            grid = savings.outcomes.n_labels
            pictures[f"outcome_{name}"] = draw_curves(about, series, name, grid, words, look_of)
    pictures["savings"] = render(lambda f: draw_savings(f, savings, look_of), 11.5, 1.7 + 0.36 * len(look_of))
    pictures["prompts"] = _rounds_plot(rounds, savings.n_labels, "n_prompts", look_of)
    if rounds["entropy_ratio"].null_count < len(rounds):
        pictures["entropy_ratio"] = _rounds_plot(rounds, savings.n_labels, "entropy_ratio", look_of)
    if any(choices.gap for choices in savings.choices.values()):
        pictures["choices"] = render(lambda f: draw_choices(f, savings, look_of), 7.5, 5.0)
    return {
        f"{name}.{ending}": content for name, endings in pictures.items() for ending, content in endings.items()
    }


_METRIC_NAMES = {"log_likelihood": ("log-likelihood", "nats per pair, "), "accuracy": ("accuracy", "")}
_SPLIT_NAMES = {"test": "Test", "ood": "Out of distribution"}


def _outcome_words(name: str, outcomes: Outcomes) -> Words:
    if name == "reward_model":
        return Words("Retrained reward model: test accuracy", "")
    shown = digits(outcomes)
    limits = f"uniform choice {outcomes.uniform_score:.{shown}f}, best {outcomes.best_score:.{shown}f}; "
    return Words("Policy proxy: judge score on test prompts", limits)


def _rounds_plot(
    rounds: pa.Table, n_labels: list[int], column: str, look_of: dict[str, Style]
) -> dict[str, bytes]:
    titles = {
        "n_prompts": ("Distinct prompts acquired", "mean over seeds, bars from the lowest to the highest seed"),
        "entropy_ratio": ("Entropy term against uncertainty term", "ratio of their means over the pairs chosen"),
    }

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        ends = {}
        for number, (policy, style) in enumerate(look_of.items()):
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
            line(axes, x, mean, style)
            end_bar(axes, x, float(low[-1]), float(high[-1]), style, number)
            ends[policy] = (float(x[-1]), float(mean[-1]))
        title, y = titles[column]
        label_axes(axes, n_labels, y, title)
        name_lines(axes, behind_bars(ends, n_labels[0]), look_of)

    return render(draw, 6.8, max(4.0, 1.6 + 0.19 * len(look_of)))


def _of_split(mean: pa.Table, split: str) -> Series:
    return series_of(mean.filter(pc.equal(mean["split"], split)))
