"""The MLflow run of a whole comparison, and of everything that is finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prefloop.io.documents import read_json
from prefloop.report.results import Savings, read_savings
from prefloop.tracking.findings import (
    candidates,
    finding,
    headline_metrics,
    note,
    policy_numbers,
)
from prefloop.tracking.headline import policies_table
from prefloop.tracking.names import comparison_spec
from prefloop.tracking.outputs import outputs_digest, rounds_of, track_run
from prefloop.tracking.recorder import RunRecorder
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.tracker import Tracker
from prefloop.tracking.view import SIMULATED, value_ranges

_FILES = ("report.md", "savings.json", "curves.csv", "curves_mean.csv", "assessment.csv")


class ComparisonRecorder(RunRecorder):
    """The writer of MLflow for simulated runs and their comparison."""

    def comparison_done(self, report: Path, runs: Mapping[tuple[str, int], Path]) -> None:
        """Log a comparison and whatever of its runs is not logged yet.

        Args:
            report: the report's folder.
            runs: folder of each (policy, seed) that was compared.
        """
        self.note(lambda tracker: track_comparison(tracker, report, runs))


def track_comparison(tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> RunLogger:
    """Log a comparison: headline, tables and the report on the parent, each policy's savings on its runs.

    Args:
        tracker: the experiment.
        report: the report's folder.
        runs: folder of each (policy, seed) that was compared.

    Returns:
        The parent run.
    """
    savings = read_savings(report / "savings.json")
    numbers = {policy: policy_numbers(savings, policy) for policy in savings.policies}
    for (policy, _), folder in runs.items():
        run = track_run(tracker, folder)
        run.log_summary(numbers.get(policy, {}))
    _show(tracker, runs)
    parent = tracker.run(comparison_spec(read_json(next(iter(runs.values())) / "run.json")))
    pictures = sorted((report / "plots").glob("*.png"))
    digest = outputs_digest(report, [*_FILES, *(f"plots/{picture.name}" for picture in pictures)])
    if not parent.holds(digest):
        _log_parent(parent, savings, numbers)
        files = [report / name for name in _FILES]
        parent.log_files([file for file in files if file.is_file()])
        parent.log_files(pictures, "plots")
        parent.finish(digest)
    return parent


def track_all(tracker: Tracker, runs: Mapping[tuple[str, int], Path], report: Path) -> int:
    """Rebuild the MLflow runs of all finished simulated runs that are there.

    Args:
        tracker: the experiment.
        runs: folder of each configured (policy, seed).
        report: the report's folder.

    Returns:
        Number of simulated runs tracked.
    """
    done = {key: folder for key, folder in runs.items() if (folder / "run.json").is_file()}
    if done and len(done) == len(runs) and (report / "savings.json").is_file():
        track_comparison(tracker, report, done)
    else:
        for folder in done.values():
            track_run(tracker, folder)
        _show(tracker, done)
    return len(done)


def _show(tracker: Tracker, runs: Mapping[tuple[str, int], Path]) -> None:
    """Point the UI's prepared view at some runs of one dataset, each chart in the range of their values."""
    if not runs:
        return
    dataset = read_json(next(iter(runs.values())) / "run.json")["dataset"]
    values = (metrics for folder in runs.values() for _, metrics in rounds_of(folder))
    tracker.show_exactly(dataset, SIMULATED, value_ranges(values, SIMULATED))


def _log_parent(parent: RunLogger, savings: Savings, numbers: Mapping[str, Mapping[str, float]]) -> None:
    parent.log_summary(headline_metrics(savings))
    parent.replace_table("policies.csv", policies_table(numbers, list(numbers)))
    best = next(iter(candidates(savings)), "none")
    parent.set_tags({"finding": finding(savings), "best_policy": best, "mlflow.note.content": note(savings)})
