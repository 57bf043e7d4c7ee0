"""Stage benchmark: the simulated runs of every configured policy and seed, side by side."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.io.layout import Layout
from prefloop.oracle.answers import load_answers
from prefloop.rounds.benchmark import check_policies
from prefloop.scale.comparison import make_runs
from stages._main import stage_main
from stages._observer import watcher


def run(params: Params, layout: Layout) -> None:
    """Make the runs that are missing or out of date; what has not changed is left alone."""
    layout.runs.mkdir(parents=True, exist_ok=True)
    if params.benchmark.policies:
        check(params, layout)
        make_runs(params, layout, watcher(params))


def check(params: Params, layout: Layout) -> None:
    """Refuse a budget or a policy that the prepared pool cannot meet."""
    stored = load_prepared(layout.prepared)
    check_policies(params, stored, load_answers(layout.prepared, stored))


if __name__ == "__main__":
    sys.exit(stage_main(run))
