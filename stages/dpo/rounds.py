"""Stage rounds: the runs of every configured policy and seed; only what is missing or changed is run."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.dpo.bench import check, run_all
from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.tracking.dpo import DpoRecorder
from stages._main import stage_main


def run(params: DpoParams, layout: DpoLayout) -> None:
    """Make the runs that are missing or out of date; what has not changed is left alone."""
    check(params, layout)
    run_all(params, layout, DpoRecorder(params.tracking, Path.cwd()))


if __name__ == "__main__":
    sys.exit(stage_main(run, DpoParams, DpoLayout))
