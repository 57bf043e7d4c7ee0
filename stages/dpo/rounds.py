"""Stage rounds@policy-seed: one run, all its rounds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from prefloop.dpo.config import DpoParams
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.problem import Problem
from prefloop.dpo.run import load_problem, run_policy
from prefloop.tracking.dpo import DpoRecorder
from stages.dpo._main import dpo_main
from stages.dpo._observer import observer


def run(params: DpoParams, layout: DpoLayout, policy: str, seed: int) -> None:
    """Run or resume one policy with one seed and write its folder."""
    recorder = DpoRecorder(params.tracking, Path.cwd())
    run_one(params, layout, load_problem(params, layout), policy, seed, recorder)


def run_one(
    params: DpoParams, layout: DpoLayout, problem: Problem, policy: str, seed: int, recorder: DpoRecorder
) -> None:
    """The same with a problem that is loaded already, and the process's writer of MLflow."""
    folder = run_policy(params, layout, problem, policy, seed, observer(recorder))
    recorder.run_done(folder)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True, help="a policy named in dpo/params.yaml")
    parser.add_argument("--seed", required=True, type=int, help="seed of the run")
    return parser.parse_args()


if __name__ == "__main__":
    arguments = _arguments()
    sys.exit(dpo_main(lambda params, layout: run(params, layout, arguments.policy, arguments.seed)))
