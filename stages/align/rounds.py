"""Stage rounds@policy-seed: one run, all its rounds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from prefloop.align.config import AlignParams
from prefloop.align.layout import AlignLayout
from prefloop.align.problem import Problem
from prefloop.align.run import load_problem, run_policy
from prefloop.tracking.align import AlignRecorder
from stages.align._main import align_main
from stages.align._observer import observer


def run(params: AlignParams, layout: AlignLayout, policy: str, seed: int) -> None:
    """Run or resume one policy with one seed and write its folder."""
    recorder = AlignRecorder(params.tracking, Path.cwd())
    run_one(params, layout, load_problem(params, layout), policy, seed, recorder)


def run_one(
    params: AlignParams, layout: AlignLayout, problem: Problem, policy: str, seed: int, recorder: AlignRecorder
) -> None:
    """The same with a problem that is loaded already, and the process's writer of MLflow."""
    folder = run_policy(params, layout, problem, policy, seed, observer(recorder))
    recorder.run_done(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True, help="a policy named in align/params.yaml")
    parser.add_argument("--seed", required=True, type=int, help="seed of the run")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    sys.exit(align_main(lambda params, layout: run(params, layout, arguments.policy, arguments.seed)))
