"""The MLflow run of a comparison of active DPO, and of everything that is finished."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from prefloop.align.report.results import Comparison, read_comparison
from prefloop.align.report.wording import headline, ordered
from prefloop.io.documents import read_json
from prefloop.tracking.align import comparison_spec, track_align_run
from prefloop.tracking.names import saving_metrics
from prefloop.tracking.tracker import RunLogger, Tracker

_FILES = ("report.md", "comparison.json", "curves.csv", "curves_mean.csv")


def track_align_comparison(tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> RunLogger:
    """Log a comparison: numbers and the report on the parent, each policy's numbers on its runs.

    Args:
        tracker: the experiment.
        report: the report's folder.
        runs: folder of each (policy, seed) that was compared.

    Returns:
        The parent run.
    """
    comparison = read_comparison(report / "comparison.json")
    for (policy, _), folder in runs.items():
        run = track_align_run(tracker, folder)
        if policy in comparison.policies:
            run.log_summary(_numbers(comparison, policy))
    parent = tracker.run(comparison_spec(read_json(next(iter(runs.values())) / "run.json")))
    for policy in comparison.policies:
        parent.log_summary({f"{policy}_{name}": value for name, value in _numbers(comparison, policy).items()})
    parent.log_files([report / name for name in _FILES])
    parent.log_files(sorted((report / "plots").glob("*.png")), "plots")
    others = [name for name in ordered(comparison) if name != comparison.reference]
    parent.set_tags({"mlflow.note.content": "".join(f"- {headline(name, comparison)}\n" for name in others)})
    parent.finish()
    return parent


def track_all_align(tracker: Tracker, runs: Mapping[tuple[str, int], Path], report: Path) -> int:
    """Rebuild the MLflow runs of all finished runs that are there, and the comparison's where all are.

    Args:
        tracker: the experiment.
        runs: folder of each configured (policy, seed).
        report: the report's folder.

    Returns:
        The number of finished runs.
    """
    done = {key: folder for key, folder in runs.items() if (folder / "run.json").is_file()}
    if done and len(done) == len(runs) and (report / "comparison.json").is_file():
        track_align_comparison(tracker, report, done)
    else:
        for folder in done.values():
            track_align_run(tracker, folder)
    return len(done)


def _numbers(comparison: Comparison, policy: str) -> dict[str, float]:
    """A policy's comparison with the reference, the same on all its runs; NaN where it cannot be told."""
    numbers: dict[str, float] = {}
    for judge, of in comparison.policies[policy].wins.items():
        numbers |= saving_metrics(of.saving, of.area, f"win_{judge}_", f"win_{judge}_area")
        at = of.equal_kl.win
        numbers |= {
            f"win_{judge}_final_difference": of.final.difference,
            f"win_{judge}_equal_kl_difference": at.difference,
            f"win_{judge}_equal_kl_difference_low": math.nan if at.low is None else at.low,
            f"win_{judge}_equal_kl_difference_high": math.nan if at.high is None else at.high,
        }
    return numbers
