"""Stage benchmark@policy-seed: one simulated run, all its rounds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.rounds.benchmark import run_benchmark
from prefloop.rounds.hidden import load_hidden
from prefloop.rounds.problem import load_problem
from prefloop.tracking.recorder import RunRecorder
from stages._main import stage_main
from stages._observer import observer


def run(params: Params, layout: Layout, policy: str, seed: int) -> None:
    """Run or resume one policy with one seed and write its folder."""
    run_recorded(params, layout, policy, seed, RunRecorder(params.tracking, Path.cwd()))


def run_recorded(params: Params, layout: Layout, policy: str, seed: int, recorder: RunRecorder) -> None:
    """The same with the process's writer of MLflow."""
    problem = load_problem(layout)
    hidden = load_hidden(layout.prepared, problem.prepared)
    folder = run_benchmark(params, layout, problem, hidden, policy, seed, observer(recorder))
    recorder.run_done(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True, help="a policy named in params.yaml")
    parser.add_argument("--seed", required=True, type=int, help="seed of the run")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    sys.exit(stage_main(lambda params, layout: run(params, layout, arguments.policy, arguments.seed)))
