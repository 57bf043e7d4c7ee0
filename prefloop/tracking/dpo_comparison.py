"""The MLflow run of a comparison of active DPO, and of everything that is finished."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from prefloop.dpo.report.results import Comparison, read_comparison
from prefloop.dpo.report.wording import headline, ordered
from prefloop.io.documents import read_json
from prefloop.report.amounts import plain
from prefloop.tracking.dpo import DpoRecorder, comparison_spec, dpo_rounds, track_dpo_run
from prefloop.tracking.headline import best_metrics, policies_table
from prefloop.tracking.names import saving_metrics
from prefloop.tracking.outputs import outputs_digest
from prefloop.tracking.run_logger import RunLogger
from prefloop.tracking.tracker import Tracker
from prefloop.tracking.view import DPO, value_ranges

_FILES = ("report.md", "comparison.json", "curves.csv", "curves_mean.csv")


class DpoComparisonRecorder(DpoRecorder):
    """The writer of MLflow for runs of active DPO and their comparison."""

    def comparison_done(self, report: Path, runs: Mapping[tuple[str, int], Path]) -> None:
        """Log a comparison and whatever of its runs is not logged yet.

        Args:
            report: the report's folder.
            runs: folder of each (policy, seed) that was compared.
        """
        self.note(lambda tracker: track_dpo_comparison(tracker, report, runs))


def track_dpo_comparison(tracker: Tracker, report: Path, runs: Mapping[tuple[str, int], Path]) -> RunLogger:
    """Log a comparison: headline, tables and the report on the parent, each policy's numbers on its runs.

    Args:
        tracker: the experiment.
        report: the report's folder.
        runs: folder of each (policy, seed) that was compared.

    Returns:
        The parent run.
    """
    comparison = read_comparison(report / "comparison.json")
    numbers = {policy: _numbers(comparison, policy) for policy in comparison.policies}
    for (policy, _), folder in runs.items():
        run = track_dpo_run(tracker, folder)
        run.log_summary(numbers.get(policy, {}))
    _show(tracker, runs)
    parent = tracker.run(comparison_spec(read_json(next(iter(runs.values())) / "run.json")))
    pictures = sorted((report / "plots").glob("*.png"))
    digest = outputs_digest(report, [*_FILES, *(f"plots/{picture.name}" for picture in pictures)])
    if not parent.holds(digest):
        _log_parent(parent, comparison, numbers)
        parent.log_files([report / name for name in _FILES])
        parent.log_files(pictures, "plots")
        parent.finish(digest)
    return parent


def track_all_dpo(tracker: Tracker, runs: Mapping[tuple[str, int], Path], report: Path) -> int:
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
        track_dpo_comparison(tracker, report, done)
    else:
        for folder in done.values():
            track_dpo_run(tracker, folder)
        _show(tracker, done)
    return len(done)


def _show(tracker: Tracker, runs: Mapping[tuple[str, int], Path]) -> None:
    """Point the UI's prepared view at some runs of one dataset, each chart in the range of their values."""
    if not runs:
        return
    dataset = read_json(next(iter(runs.values())) / "run.json")["dataset"]
    values = (metrics for folder in runs.values() for _, metrics in dpo_rounds(folder))
    tracker.show_exactly(dataset, DPO, value_ranges(values, DPO))


def _log_parent(parent: RunLogger, comparison: Comparison, numbers: Mapping[str, Mapping[str, float]]) -> None:
    parent.log_summary(_headline_metrics(comparison))
    parent.replace_table("policies.csv", policies_table(numbers, list(numbers)))
    others = [name for name in ordered(comparison) if name != comparison.reference]
    best = _best(comparison)
    of = comparison.finding
    note = f"{of.sentence}\n\n{of.advice_sentence}\n\n"
    note += "".join(f"- {headline(name, comparison)}\n" for name in others)
    parent.set_tags({"finding": plain(of.sentence), "best_policy": best or "none", "mlflow.note.content": note})


def _best(comparison: Comparison) -> str | None:
    """The policy with the best curve by the oracle; no reference or control."""
    of = comparison.policies
    found = [name for name in ordered(comparison) if name != comparison.reference and not of[name].control]
    return found[0] if found else None


def _headline_metrics(comparison: Comparison) -> dict[str, float]:
    """About a dozen numbers of a whole comparison; the rest stands in its tables."""
    reference, best = comparison.policies[comparison.reference], _best(comparison)
    win = comparison.policies[best].wins["oracle"] if best is not None else None
    return {
        "policies": float(len(comparison.policies)),
        "seeds": float(len(comparison.seeds)),
        "labels": float(comparison.budget),
        **{f"reference_win_{judge}": of.final.value for judge, of in reference.wins.items()},
        "reference_kl": reference.kl[-1].value,
        **(best_metrics(win.area, win.saving) if win is not None else {}),
    }


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
