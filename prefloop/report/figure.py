"""Drawing: one look for all pictures, the same bytes for the same numbers, no global state."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from prefloop.colours import line_of

_TEXT, _FRAME, _GRID = "#262626", "#8C8C8C", "#E6E6E6"

_LOOK = {
    "axes.axisbelow": True,
    "axes.edgecolor": _FRAME,
    "axes.grid": True,
    "axes.labelcolor": _TEXT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "font.family": "DejaVu Sans",
    "font.size": 9.5,
    "grid.color": _GRID,
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "savefig.dpi": 150,
    "svg.fonttype": "path",
    "svg.hashsalt": "prefloop",
    "text.color": _TEXT,
    "xtick.color": _TEXT,
    "ytick.color": _TEXT,
}


@dataclass(frozen=True)
class Style:
    """Colour and line of one policy, the same in every picture."""

    colour: str
    dash: Any
    width: float


def styles(policies: Sequence[str], reference: str) -> dict[str, Style]:
    """Style of each policy by its name; the reference's line is thicker."""
    lines = {policy: line_of(policy) for policy in policies}
    return {
        policy: Style(look.colour, (0, look.dashes) if look.dashes else "-", 2.4 if policy == reference else 1.7)
        for policy, look in lines.items()
    }


@contextmanager
def look() -> Iterator[None]:
    """Matplotlib's defaults and ours, whatever the user's matplotlibrc says."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_LOOK)
        yield


def render(draw: Callable[[Figure], None], width: float, height: float) -> dict[str, bytes]:
    """Draw a figure once and return it by file ending: svg and png.

    Args:
        draw: fills the figure.
        width, height: inches.
    """
    with look():
        figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        _settle(figure)
        files = {}
        for ending, metadata in (("svg", {"Date": None}), ("png", {"Software": None})):
            sink = io.BytesIO()
            figure.savefig(sink, format=ending, metadata=metadata)
            files[ending] = sink.getvalue()
        return files


def _settle(figure: Figure) -> None:
    """Lay out, and round: the solver's last digits depend on places in memory, and SVG hashes them."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        x, y, width, height = (round(float(bound), 6) for bound in axes.get_position().bounds)
        axes.set_position((x, y, width, height))


def label_axes(axes: Any, n_labels: Sequence[int], y: str, title: str) -> None:
    """Name the axes; the vertical one above the plot, where it is read without turning the head.

    Args:
        axes: the plot.
        n_labels: labels after each round; the ticks stand at some of them.
        y: what the vertical axis shows.
        title: title of the plot.
    """
    axes.set_title(title, fontweight="bold", pad=20)
    axes.text(0, 1.02, y, transform=axes.transAxes, fontsize=9, color="#595959", va="bottom")
    axes.set_xlabel("labels")
    axes.set_xticks(n_labels[:: -(-len(n_labels) // 9)])


def name_lines(axes: Any, ends: Mapping[str, tuple[float, float]], look_of: Mapping[str, Style]) -> None:
    """Write each line's name beside its right end, moved apart where names would overlap.

    Args:
        axes: the plot, with its limits settled.
        ends: last (x, y) of each line.
        look_of: style of each line.
    """
    low, high = axes.get_ylim()
    height = axes.get_window_extent().height / axes.figure.dpi * 72
    gap = (high - low) * 11.5 / height
    names = sorted(ends, key=lambda name: ends[name][1])
    places = spread([ends[name][1] for name in names], min(gap, (high - low) / len(names)), low, high)
    right = max(x for x, _ in ends.values())
    for name, place in zip(names, places, strict=True):
        axes.annotate(
            name,
            xy=(ends[name][0], ends[name][1]),
            xytext=(right + 0.035 * np.diff(axes.get_xlim())[0], place),
            color=look_of[name].colour,
            fontsize=9,
            va="center",
            annotation_clip=False,
            arrowprops=_leader(look_of[name].colour),
        )


def _leader(colour: str) -> dict[str, Any]:
    return {"arrowstyle": "-", "color": colour, "lw": 0.6, "shrinkA": 1, "shrinkB": 1, "relpos": (0, 0.5)}


def spread(positions: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Move ascending positions apart to at least `gap`, each cluster about its own middle.

    Args:
        positions: ascending.
        gap: least distance.
        low, high: bounds that clusters keep within as far as they fit.
    """

    def start(cluster: list[float]) -> float:
        extent = gap * (len(cluster) - 1)
        return max(low, min(sum(cluster) / len(cluster) - extent / 2, high - extent))

    clusters: list[list[float]] = []
    for position in positions:
        clusters.append([position])
        while len(clusters) > 1 and start(clusters[-1]) < start(clusters[-2]) + gap * len(clusters[-2]):
            last = clusters.pop()
            clusters[-1].extend(last)
    return [start(cluster) + number * gap for cluster in clusters for number in range(len(cluster))]
