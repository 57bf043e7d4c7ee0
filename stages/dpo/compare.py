"""Stage compare: the configured runs against each other, as tables, pictures and a report."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.dpo import bench
from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.tracking.dpo_comparison import DpoComparisonRecorder
from stages._main import stage_main


def run(params: DpoParams, layout: DpoLayout) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    bench.compare(params, layout, DpoComparisonRecorder(params.tracking, Path.cwd()))


if __name__ == "__main__":
    sys.exit(stage_main(run, DpoParams, DpoLayout))
