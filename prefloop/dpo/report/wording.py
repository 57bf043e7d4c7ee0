"""Numbers and verdicts in words, the same in the report, on the terminal and in MLflow."""

from __future__ import annotations

from prefloop.dpo.report.results import Comparison, SeedMean, WinRate
from prefloop.report.amounts import gap, learns, reach
from prefloop.report.curves import verdict
from prefloop.report.numbers import Difference, Verdict
from prefloop.report.page import named

SATURATED = 0.95


def ordered(comparison: Comparison) -> list[str]:
    """Names of the policies, the best curve by the oracle first."""
    policies = comparison.policies
    return sorted(policies, key=lambda name: -policies[name].wins["oracle"].area.difference)


def headline(name: str, comparison: Comparison) -> str:
    """One line on one policy that states gains, losses and the absence of both alike."""
    wins, reference = comparison.policies[name].wins, comparison.reference
    oracle = wins["oracle"]
    by = f"{gap(oracle.area)} win rate over the whole curve"
    reached = reach(oracle.saving)
    parts = [f"{learns(f'**{name}**', oracle.verdict, reference, by, reached)}."]
    if "judge" in wins:
        parts.append(_by_judge(wins["judge"], comparison))
    parts.append(_at_equal_kl(oracle))
    return " ".join(parts)


def gap_of_seeds(mean: SeedMean, digits: int) -> str:
    """A difference with its interval, which a single seed has none of."""
    low, high = mean.difference.low, mean.difference.high
    if low is None or high is None:
        return f"{mean.difference.value:+.{digits}f}"
    return gap(Difference(value=mean.value, difference=mean.difference.value, low=low, high=high), digits)


def rise_sentence(comparison: Comparison) -> str:
    """How much the reference itself gains by labels: what there is for others to be faster at."""
    reference, n_labels = comparison.reference, comparison.n_labels
    if len(n_labels) == 1:
        return f"One round only: how fast {reference} learns cannot be said."
    parts = [
        f"by {gap(judged.reference_rise)} to {judged.reference_rise.value:.4f} ({judge}, {named(judged.name)})"
        for judge, judged in comparison.judges.items()
    ]
    return f"{reference}'s own win rate rises from {n_labels[0]} to {n_labels[-1]} labels {'; '.join(parts)}."


def is_flat(rise: Difference) -> bool:
    """Whether a rise cannot be told from none."""
    return rise.low is None or rise.low <= 0


def _by_judge(win_rate: WinRate, comparison: Comparison) -> str:
    judge = named(comparison.judges["judge"].name)
    return f"By the independent judge ({judge}): {_compared(win_rate.verdict)} ({gap(win_rate.area)})."


def _at_equal_kl(win_rate: WinRate) -> str:
    at = win_rate.equal_kl
    outcome = verdict(at.win)
    # What is gained per label and not per nat may be no learning.
    only = outcome != "better" and win_rate.verdict == "better"
    doubt = ", so what it gains per label may be that it moves further per label" * only
    return f"Where both have moved {at.kl:.2f} nats: {_compared(outcome)} ({gap(at.win)}){doubt}."


def _compared(outcome: Verdict) -> str:
    words = {"better": "higher", "worse": "lower"}
    return words.get(outcome, "no difference that these runs can show")
