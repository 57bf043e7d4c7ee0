"""Stage compare: the configured runs against each other, as tables, pictures and a report."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.align.config import AlignParams
from prefloop.align.layout import AlignLayout
from prefloop.align.report.write import write_comparison
from prefloop.tracking.align_comparison import AlignComparisonRecorder
from stages.align._main import align_main


def run(params: AlignParams, layout: AlignLayout) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    run_recorded(params, layout, AlignComparisonRecorder(params.tracking, Path.cwd()))


def run_recorded(params: AlignParams, layout: AlignLayout, recorder: AlignComparisonRecorder) -> None:
    """The same with the process's writer of MLflow."""
    keys = [(policy, seed) for policy in params.run.policies for seed in params.run.seeds]
    folders = {key: layout.run(*key) for key in keys}
    write_comparison(layout.report, folders, params.compare, params.dataset)
    recorder.comparison_done(layout.report, folders)


if __name__ == "__main__":
    sys.exit(align_main(run))
