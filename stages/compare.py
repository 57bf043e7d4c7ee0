"""Stage compare: the configured runs against each other, as tables, pictures and a report."""

from __future__ import annotations

import sys

from prefloop.config import Params
from prefloop.data.prepared import load_prepared
from prefloop.io.layout import Layout
from prefloop.report.facts import data_facts, one_split
from prefloop.report.judged import Judgeable, judge_runs
from prefloop.report.runs import load_runs, score_split
from prefloop.report.write import NO_POLICIES, write_nothing, write_report
from prefloop.rounds.hidden import load_hidden
from prefloop.tracking.comparison import track_comparison
from stages._main import stage_main
from stages._tracking import tracked


def run(params: Params, layout: Layout) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    prepared = load_prepared(layout.prepared)
    keys = [(policy, seed) for policy in params.benchmark.policies for seed in params.benchmark.seeds]
    if not keys:
        write_nothing(layout.report, params.compare, data_facts(params.data.source, prepared, params), NO_POLICIES)
        return
    folders = {key: layout.run(*key) for key in keys}
    runs = load_runs(folders)
    hidden = load_hidden(layout.prepared, prepared)
    first = prepared.completions_of("pool").stop
    prompts, answers = len(prepared.split), hidden.answers.scores
    evaluated = {split: one_split(of, first, prompts, runs.seeds) for split, of in hidden.evaluation.items()}
    scores = {split: score_split(runs, of) for split, of in evaluated.items()}
    test = {seed: Judgeable(prepared, of, answers) for seed, of in evaluated.get("test", {}).items()}
    judged = judge_runs(runs, test)
    facts = data_facts(runs.dataset, prepared, params)
    write_report(layout.report, runs, scores, judged, params.compare, facts)
    tracked(params.tracking, lambda tracker: track_comparison(tracker, layout.report, folders))


if __name__ == "__main__":
    sys.exit(stage_main(run))
