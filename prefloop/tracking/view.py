"""A prepared view for the MLflow UI: current runs, grouped by policy, the curves that matter first."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10
from typing import Any

# The UI reads a shared view from this experiment tag; its last part is the key in the address.
VIEW_KEY = "prefloop"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW_KEY}"
_SECTION = "prefloop-curves"
# Lowest and highest value by metric.
Ranges = Mapping[str, tuple[float, float]]
# Of a range's width, added on both sides so that no curve lies on the frame.
_MARGIN = 0.05


@dataclass(frozen=True)
class Board:
    """Which runs a view shows, and what of them.

    Attributes:
        kind: their parameter `kind`.
        charts: metrics, the most important first.
    """

    kind: str
    charts: tuple[str, ...]


def value_ranges(rounds: Iterable[Mapping[str, float]], board: Board) -> Ranges:
    """Lowest and highest finite value of each charted metric over some rounds' metrics."""
    ranges: dict[str, tuple[float, float]] = {}
    for metrics in rounds:
        for name in board.charts:
            if isfinite(value := metrics.get(name, float("nan"))):
                low, high = ranges.get(name, (value, value))
                ranges[name] = min(low, value), max(high, value)
    return ranges


def united(axes: Ranges, values: Ranges) -> Ranges:
    """Axes that show what some axes show already, and further values with a margin.

    An axis that holds the values already stays as it is. A single value has no range: its axis is left to the UI.
    """
    result = dict(axes)
    for name, (low, high) in values.items():
        bottom, top = axes.get(name, (low, high))
        if name in axes and bottom <= low <= high <= top:
            continue
        wide = _with_margin(min(low, bottom), max(high, top))
        if wide is not None:
            new_low, new_high = name not in axes or low < bottom, name not in axes or high > top
            result[name] = (wide[0] if new_low else bottom, wide[1] if new_high else top)
    return result


def shows(view: str | None, dataset: str, board: Board) -> bool:
    """Whether a stored view is of this board of this dataset."""
    try:
        return bool(json.loads(view or "{}").get("searchFilter") == _filter(dataset, board))
    except (ValueError, AttributeError):
        return False


def shown_ranges(view: str | None, dataset: str, board: Board) -> Ranges:
    """Axes of a stored view, if it shows this board of this dataset; none otherwise."""
    try:
        state = json.loads(view or "{}")
        if state.get("searchFilter") != _filter(dataset, board):
            return {}
        ranges = {chart["metricKey"]: chart["range"] for chart in state["compareRunCharts"]}
        return {name: (float(ends["yMin"]), float(ends["yMax"])) for name, ends in ranges.items() if ends}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # written by another version, or by hand: begun anew


def shared_view(dataset: str, board: Board, axes: Ranges) -> str:
    """State of the runs page as the UI (MLflow 3.17) stores it: a filter, a grouping and charts.

    Args:
        dataset: the one shown; curves of different data must not be averaged.
        board: which runs, and what of them.
        axes: lower and upper end of each chart's vertical axis. Left to itself the UI begins at 0 and
            squeezes curves that lie far from it.
    """
    state = {
        "searchFilter": _filter(dataset, board),
        "lifecycleFilter": "Active",
        "startTime": "ALL",
        "groupBy": {
            "aggregateFunction": "average",
            # The tag, not the parameter of the same name and value: the UI derives a line's colour from
            # mode and name, and gives bald and bal_pm the same one by parameter.
            "groupByKeys": [{"mode": "tag", "groupByData": "policy"}],
        },
        "useGroupedValuesInCharts": True,
        "hideEmptyCharts": True,
        "runsHiddenMode": "SHOW_ALL",
        "globalLineChartConfig": {"xAxisKey": "step", "lineSmoothness": 0, "selectedXAxisMetricKey": ""},
        "compareRunSections": [_section()],
        "compareRunCharts": [_chart(metric, axes.get(metric)) for metric in board.charts],
    }
    return json.dumps(state, sort_keys=True)


def view_path(experiment: str) -> str:
    """Path of the prepared view below the UI's address."""
    shown = f"viewStateShareKey={VIEW_KEY}&compareRunsMode=CHART&workflowType=machine_learning"
    return f"/#/experiments/{experiment}/runs?{shown}"


def _section() -> dict[str, Any]:
    return {
        "uuid": _SECTION,
        "name": "Curves over labels",
        "display": True,
        "isReordered": True,
        "deleted": False,
        "isGenerated": False,
    }


def _filter(dataset: str, board: Board) -> str:
    quoted = dataset.replace("'", "_")
    return f"tags.`prefloop.current` = 'true' and params.kind = '{board.kind}' and params.dataset = '{quoted}'"


def _with_margin(low: float, high: float) -> tuple[float, float] | None:
    """A range with its margin, its ends rounded outwards to a hundredth of its width; None for a single value."""
    if low == high:
        return None
    margin = _MARGIN * (high - low)
    digits = 2 - floor(log10(high - low))
    scale = 10.0**digits
    return floor((low - margin) * scale) / scale, ceil((high + margin) * scale) / scale


def _chart(metric: str, axis: tuple[float, float] | None) -> dict[str, Any]:
    return {
        "type": "LINE",
        "uuid": f"{_SECTION}-{metric}",
        "metricSectionId": _SECTION,
        "metricKey": metric,
        "selectedMetricKeys": [metric],
        "displayName": f"{metric} against labels",
        "runsCountToCompare": 100,
        "lineSmoothness": 0,
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {} if axis is None else {"yMin": axis[0], "yMax": axis[1]},
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "ignoreOutliers": False,
        "isGenerated": False,
        "deleted": False,
    }
