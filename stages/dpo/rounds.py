"""Stage rounds@policy-seed: one run, all its rounds."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefloop.dpo.config import DpoParams
from prefloop.dpo.facts import round_line
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.problem import Problem
from prefloop.dpo.run import Finished, Observer, load_problem, run_policy
from prefloop.tracking.dpo import DpoRecorder
from stages._main import stage_main


def run(params: DpoParams, layout: DpoLayout, policy: str, seed: int) -> None:
    """Run or resume one policy with one seed and write its folder."""
    recorder = DpoRecorder(params.tracking, Path.cwd())
    run_one(params, layout, load_problem(params, layout), policy, seed, recorder)


def run_one(
    params: DpoParams, layout: DpoLayout, problem: Problem, policy: str, seed: int, recorder: DpoRecorder
) -> None:
    """The same with a problem that is loaded already, and the process's writer of MLflow."""
    folder = run_policy(params, layout, problem, policy, seed, _observer(recorder))
    recorder.run_done(folder)


def _observer(recorder: DpoRecorder) -> Callable[[dict[str, Any]], Observer]:
    """What a run calls at its start, and then after every round: a line on stderr, and MLflow."""

    def start(about: dict[str, Any]) -> Observer:
        def on_round(done: Finished) -> None:
            logging.getLogger("prefloop").info(round_line(done.facts, done.seconds))
            recorder.round(about, done.facts, done.generations, done.pairs, done.seconds)

        return on_round

    return start


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--policy", required=True, help="a policy named in dpo/params.yaml")
    parser.add_argument("--seed", required=True, type=int, help="seed of the run")
    return parser.parse_args()


if __name__ == "__main__":
    chosen = _arguments()
    sys.exit(
        stage_main(lambda params, layout: run(params, layout, chosen.policy, chosen.seed), DpoParams, DpoLayout)
    )
