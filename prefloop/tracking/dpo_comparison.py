"""MLflow's record of a comparison of active DPO: numbers and words made of comparison.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from prefloop.dpo.report.results import Comparison, read_comparison
from prefloop.dpo.report.wording import headline, ordered
from prefloop.report.amounts import plain
from prefloop.tracking.comparison import ComparisonRun, best_metrics, saving_metrics
from prefloop.tracking.dpo import DPO, DpoRecorder


def _tags(comparison: Comparison) -> dict[str, str]:
    """What was found: the report's first sentence, the best policy, and a line on every policy in Markdown."""
    finding = comparison.finding
    note = f"{finding.sentence}\n\n{finding.advice_sentence}\n\n"
    others = [name for name in ordered(comparison) if name != comparison.reference]
    note += "".join(f"- {headline(name, comparison)}\n" for name in others)
    best = _best(comparison)
    return {"finding": plain(finding.sentence), "best_policy": best or "none", "mlflow.note.content": note}


def _best(comparison: Comparison) -> str | None:
    """The policy with the best curve by the oracle; no reference or control."""
    policies = comparison.policies
    others = [name for name in ordered(comparison) if name != comparison.reference and not policies[name].control]
    return others[0] if others else None


def _headline_metrics(comparison: Comparison) -> dict[str, float]:
    """About a dozen numbers of a whole comparison; the rest stands in its tables."""
    reference, best = comparison.policies[comparison.reference], _best(comparison)
    win = comparison.policies[best].wins["oracle"] if best is not None else None
    return {
        "policies": float(len(comparison.policies)),
        "seeds": float(len(comparison.seeds)),
        "labels": float(comparison.budget),
        **{f"reference_win_{judge}": by_judge.final.value for judge, by_judge in reference.wins.items()},
        "reference_kl": reference.kl[-1].value,
        **(best_metrics(win.area, win.saving) if win is not None else {}),
    }


def _numbers(comparison: Comparison, policy: str) -> dict[str, float]:
    """A policy's comparison with the reference, the same on all its runs; NaN where it cannot be told."""
    numbers: dict[str, float] = {}
    for judge, win in comparison.policies[policy].wins.items():
        numbers |= saving_metrics(win.saving, win.area, f"win_{judge}_", f"win_{judge}_area")
        at = win.equal_kl.win
        numbers |= {
            f"win_{judge}_final_difference": win.final.difference,
            f"win_{judge}_equal_kl_difference": at.difference,
            f"win_{judge}_equal_kl_difference_low": math.nan if at.low is None else at.low,
            f"win_{judge}_equal_kl_difference_high": math.nan if at.high is None else at.high,
        }
    return numbers


DPO_COMPARISON = ComparisonRun(
    workflow=DPO,
    results="comparison.json",
    files=("curves.csv", "curves_mean.csv"),
    read=read_comparison,
    numbers=_numbers,
    headline=_headline_metrics,
    tags=_tags,
)


class DpoComparisonRecorder(DpoRecorder):
    """The writer of MLflow for runs of active DPO and their comparison."""

    def comparison_done(self, report: Path, runs: Mapping[tuple[str, int], Path]) -> None:
        """Log a comparison and whatever of its runs is not logged yet.

        Args:
            report: the report's folder.
            runs: folder of each (policy, seed) that was compared.
        """
        self.note(lambda tracker: DPO_COMPARISON.track(tracker, report, runs))
