"""A prepared view for the MLflow UI: current runs, grouped by policy, the curves that matter first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# The UI reads a shared view from this experiment tag; its last part is the key in the address.
VIEW_KEY = "prefloop"
VIEW_TAG = f"mlflow.sharedViewState.{VIEW_KEY}"
_SECTION = "prefloop-curves"


@dataclass(frozen=True)
class Board:
    """Which runs a view shows, and what of them.

    Attributes:
        kind: their parameter `kind`.
        charts: metrics, the most important first.
    """

    kind: str
    charts: tuple[str, ...]


SIMULATED = Board(
    "run",
    (
        *("test_log_likelihood", "ood_log_likelihood", "test_accuracy"),
        *("test_epistemic", "n_prompts", "entropy_ratio"),
    ),
)
ALIGN = Board("align", ("win_oracle", "win_judge", "kl", "length", "agreement", "distinct_2"))


def shared_view(dataset: str, board: Board) -> str:
    """State of the runs page as the UI (MLflow 3.17) stores it: a filter, a grouping and charts.

    Args:
        dataset: the one shown; curves of different data must not be averaged.
        board: which runs, and what of them.
    """
    quoted = dataset.replace("'", "_")
    chosen = f"tags.`prefloop.current` = 'true' and params.kind = '{board.kind}' and params.dataset = '{quoted}'"
    state = {
        "searchFilter": chosen,
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
        "compareRunCharts": [_chart(metric) for metric in board.charts],
    }
    return json.dumps(state, sort_keys=True)


def view_path(experiment: str) -> str:
    """Path of the prepared view below the UI's address."""
    return f"/#/experiments/{experiment}/runs?viewStateShareKey={VIEW_KEY}&compareRunsMode=CHART"


def _section() -> dict[str, Any]:
    return {
        "uuid": _SECTION,
        "name": "Curves over labels",
        "display": True,
        "isReordered": True,
        "deleted": False,
        "isGenerated": False,
    }


def _chart(metric: str) -> dict[str, Any]:
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
        "range": {},
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
        "ignoreOutliers": False,
        "isGenerated": False,
        "deleted": False,
    }
