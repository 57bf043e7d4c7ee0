"""Stage compare: the finished runs against each other: curves, intervals, savings, report."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.pool.bench import compare
from prefloop.report.plotting import write_plotting_library
from prefloop.tracking.savings import ComparisonRecorder
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Write the report, and beside it the library with which `dvc plots show` draws without a network."""
    compare(params, layout, ComparisonRecorder(params.tracking, Path.cwd()))
    write_plotting_library(layout.report, layout.state)


if __name__ == "__main__":
    sys.exit(stage_main(run))
