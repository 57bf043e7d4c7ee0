"""MLflow's record of a comparison of simulated runs: numbers and words made of savings.json."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from prefloop.report.amounts import plain
from prefloop.report.numbers import Difference, Duel, Saving
from prefloop.report.results import Savings, read_savings
from prefloop.report.wording import headline, ordered
from prefloop.tracking.comparison import ComparisonRun, best_metrics, saving_metrics
from prefloop.tracking.simulated import SIMULATED, RunRecorder

_OUTCOMES = {"reward_model": "retrained_test_accuracy", "policy": "proxy_test_score"}


def candidates(savings: Savings) -> list[str]:
    """Policies that a campaign could use, the best curve first: no reference, control or oracle upper bound."""
    policies = savings.policies
    return [
        name
        for name in ordered(savings)
        if name != savings.reference and not policies[name].control and not policies[name].oracle_upper_bound
    ]


def finding(savings: Savings) -> str:
    """What was found: the report's first sentence."""
    result = savings.finding
    return savings.note or "Nothing was compared." if result is None else plain(result.sentence)


def note(savings: Savings) -> str:
    """The answer and the advice, then what was found of every policy, the best first, in Markdown."""
    result = savings.finding
    begin = "" if result is None else f"{result.sentence}\n\n{result.advice_sentence}\n\n"
    lines = [f"- {headline(name, savings)}\n" for name in ordered(savings) if name != savings.reference]
    return begin + "".join(lines)


def difference(duel: Duel) -> Difference:
    """A policy's difference of the whole curve from the best that needs no model (for that one: from random)."""
    return duel.area if duel.primary is None else duel.primary.area


def saving(duel: Duel) -> Saving | None:
    """The labels that a policy saves against the same; None for the pooled random itself."""
    return None if duel.primary is None else duel.primary.saving


def reference_finals(savings: Savings) -> dict[str, float]:
    """The reference's values after the last round, for instance `reference_test_accuracy`."""
    reference = savings.policies.get(savings.reference)
    if reference is None:
        return {}
    return {
        f"reference_{split}_{name}": value.value
        for split, row in reference.final.items()
        for name, value in row.items()
    }


def policy_numbers(savings: Savings, policy: str) -> dict[str, float]:
    """All numbers of a policy, the same on all its runs; NaN stands for "never"."""
    compared = savings.policies[policy]
    numbers = saving_metrics(saving(compared), difference(compared), "", "area")
    for outcome, name in _OUTCOMES.items():
        judged = savings.outcomes.primary.get(outcome) if savings.outcomes is not None else None
        if judged is not None:
            result = judged.policies[policy]
            numbers |= saving_metrics(saving(result), difference(result), f"{name}_", name)
    return numbers


def headline_metrics(savings: Savings) -> dict[str, float]:
    """About a dozen numbers of a whole comparison; the rest stands in its tables."""
    best = candidates(savings)[:1]
    return {
        "policies": float(len(savings.policies)),
        "seeds": float(len(savings.seeds)),
        "labels": float(savings.budget),
        **reference_finals(savings),
        **(best_metrics(difference(savings.policies[best[0]]), saving(savings.policies[best[0]])) if best else {}),
    }


def _tags(savings: Savings) -> dict[str, str]:
    best = next(iter(candidates(savings)), "none")
    return {"finding": finding(savings), "best_policy": best, "mlflow.note.content": note(savings)}


SAVINGS = ComparisonRun(
    workflow=SIMULATED,
    results="savings.json",
    files=("curves.csv", "curves_mean.csv", "downstream.csv"),
    read=read_savings,
    numbers=policy_numbers,
    headline=headline_metrics,
    tags=_tags,
)


class ComparisonRecorder(RunRecorder):
    """The writer of MLflow for simulated runs and their comparison."""

    def comparison_done(self, report: Path, runs: Mapping[tuple[str, int], Path]) -> None:
        """Log a comparison and whatever of its runs is not logged yet.

        Args:
            report: the report's folder.
            runs: folder of each (policy, seed) that was compared.
        """
        self.note(lambda tracker: SAVINGS.track(tracker, report, runs))
