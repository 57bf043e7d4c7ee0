"""The MLflow run of a whole comparison, and of everything that is finished."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prefloop.io.documents import read_json
from prefloop.report.numbers import Duel
from prefloop.report.results import Savings, read_savings
from prefloop.report.wording import headline, ordered
from prefloop.tracking.names import comparison_spec, saving_metrics
from prefloop.tracking.outputs import track_run
from prefloop.tracking.tracker import RunLogger, Tracker

_FILES = ("report.md", "savings.json", "curves.csv", "curves_mean.csv", "assessment.csv")
_OUTCOMES = {"reward_model": "fresh_test_accuracy", "policy": "proxy_test_score"}


def track_comparison(tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> RunLogger:
    """Log a comparison: savings, curves and the report on the parent, each policy's savings on its runs.

    Args:
        tracker: the experiment.
        report: the report's folder.
        runs: folder of each (policy, seed) that was compared.

    Returns:
        The parent run.
    """
    savings = read_savings(report / "savings.json")
    for (policy, _), folder in runs.items():
        run = track_run(tracker, folder)
        if policy in savings.policies:
            run.log_summary(_numbers(savings, policy))
    parent = tracker.run(comparison_spec(read_json(next(iter(runs.values())) / "run.json")))
    for policy in savings.policies:
        parent.log_summary({f"{policy}_{name}": value for name, value in _numbers(savings, policy).items()})
    files = [report / name for name in _FILES]
    parent.log_files([file for file in files if file.is_file()])
    parent.log_files(sorted((report / "plots").glob("*.png")), "plots")
    parent.set_tags({"mlflow.note.content": _note(savings)})
    parent.finish()
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
    return len(done)


def _numbers(savings: Savings, policy: str) -> dict[str, float]:
    """A policy's savings, the same on all its runs; NaN where it cannot be told."""
    of = savings.policies[policy]
    numbers = _against(of, "", "area")
    for outcome, name in _OUTCOMES.items():
        judged = savings.outcomes.primary.get(outcome) if savings.outcomes is not None else None
        if judged is not None:
            numbers |= _against(judged.policies[policy], f"{name}_", name)
    return numbers


def _against(of: Duel, prefix: str, name: str) -> dict[str, float]:
    """Against the better of those that need no model."""
    met = of.primary
    return (
        saving_metrics(None, of.area, prefix, name)
        if met is None
        else saving_metrics(met.saving, met.area, prefix, name)
    )


def _note(savings: Savings) -> str:
    return "".join(f"- {headline(name, savings)}\n" for name in ordered(savings) if name != savings.reference)
