"""Stage benchmark: the simulated runs of every configured policy and seed, side by side."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.pool.bench import check, simulate
from prefloop.tracking.simulated import RunRecorder
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Make the runs that are missing or out of date; what has not changed is left alone."""
    check(params, layout)
    simulate(params, layout, RunRecorder(params.tracking, Path.cwd()))


if __name__ == "__main__":
    sys.exit(stage_main(run))
