"""Stage compare: the configured runs against each other, as tables, pictures and a report."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.report.write import write_comparison
from prefloop.tracking.dpo_comparison import DpoComparisonRecorder
from stages._main import stage_main


def run(params: DpoParams, layout: DpoLayout) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    run_recorded(params, layout, DpoComparisonRecorder(params.tracking, Path.cwd()))


def run_recorded(params: DpoParams, layout: DpoLayout, recorder: DpoComparisonRecorder) -> None:
    """The same with the process's writer of MLflow."""
    keys = [(policy, seed) for policy in params.run.policies for seed in params.run.seeds]
    folders = {key: layout.run(*key) for key in keys}
    write_comparison(layout.report, folders, params.compare, params.dataset)
    recorder.comparison_done(layout.report, folders)


if __name__ == "__main__":
    sys.exit(stage_main(run, DpoParams, DpoLayout))
