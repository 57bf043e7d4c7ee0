"""Stage benchmark: the simulated runs of every configured policy and seed, side by side."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.io.documents import write_json
from prefloop.io.layout import Layout
from prefloop.oracle.answers import load_answers
from prefloop.pool.benchmark import check_policies
from prefloop.scale.comparison import make_runs
from prefloop.tracking.simulated import RunRecorder
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Make the runs that are missing or out of date; what has not changed is left alone."""
    if params.benchmark.policies:
        check(params, layout)
        run_recorded(params, layout, RunRecorder(params.tracking, Path.cwd()))
    configured = {"policies": params.benchmark.policies, "seeds": params.benchmark.seeds}
    # Without policies there is still something to hash: DVC warns of an empty folder.
    write_json(layout.runs / "configured.json", configured)


def run_recorded(params: Params, layout: Layout, recorder: RunRecorder) -> None:
    """The same with the process's writer of MLflow, without the checks."""
    make_runs(params, layout, recorder)


def check(params: Params, layout: Layout) -> None:
    """Refuse a budget or a policy that the prepared pool cannot meet."""
    stored = load_prepared(layout.prepared)
    check_policies(params, stored, load_answers(layout.prepared, stored))


if __name__ == "__main__":
    sys.exit(stage_main(run))
