"""Stage compare: the configured runs against each other, as tables, pictures and a report."""

from __future__ import annotations

import sys
from pathlib import Path

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.io.layout import Layout
from prefloop.oracle.hidden import load_hidden
from prefloop.pool.problem import load_inputs
from prefloop.report.evaluated import evaluate_seeds
from prefloop.report.facts import data_facts
from prefloop.report.judged import judge_runs
from prefloop.report.plotting import write_plotting_library
from prefloop.report.runs import load_runs, score_split
from prefloop.report.write import NO_POLICIES, write_nothing, write_report
from prefloop.tracking.savings import ComparisonRecorder
from stages._main import stage_main


def run(params: Params, layout: Layout) -> None:
    """Write the report, and beside it the library with which `dvc plots show` draws without a network."""
    run_recorded(params, layout, ComparisonRecorder(params.tracking, Path.cwd()))
    write_plotting_library(layout.report, layout.state)


def run_recorded(params: Params, layout: Layout, recorder: ComparisonRecorder) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    keys = [(policy, seed) for policy in params.benchmark.policies for seed in params.benchmark.seeds]
    if not keys:
        stored = load_prepared(layout.prepared)
        facts = data_facts(params.data.source, stored, stored, params)
        write_nothing(layout.report, params.compare, facts, NO_POLICIES)
        return
    folders = {key: layout.run(*key) for key in keys}
    runs, inputs = load_runs(folders), load_inputs(layout, params)
    evaluation = evaluate_seeds(inputs, load_hidden(layout.prepared, inputs), params.data, runs.seeds)
    scores = {split: score_split(runs, of) for split, of in evaluation.splits.items()}
    judged = judge_runs(runs, evaluation.test)
    facts = data_facts(runs.dataset, inputs.stored, evaluation.first, params)
    write_report(layout.report, runs, scores, judged, params.compare, facts)
    recorder.comparison_done(layout.report, folders)


if __name__ == "__main__":
    sys.exit(stage_main(run))
