"""Numbers and verdicts in words, the same in the report and on the terminal."""

from __future__ import annotations

from math import floor, inf, log10

from prefloop.report.numbers import Difference, Estimate, Saving, Verdict
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import Savings


def percent(value: float | None) -> str:
    """A fraction as a whole percentage; null is a dash."""
    return "–" if value is None else f"{value:.0%}".replace("-0%", "0%")


def saved(of: Saving | None) -> str:
    """Fraction of labels saved with its interval, for instance `40% [33%, 45%]`; a dash where none can be told."""
    if of is None or of.saved is None or of.saved_low is None or of.saved_high is None:
        return "–"
    low, high = "< " * of.open_low + percent(of.saved_low), "> " * of.open_high + percent(of.saved_high)
    beyond = ("> " if of.saved > 0 else "< ") if of.beyond else ""
    return f"{beyond}{percent(of.saved)} [{low}, {high}]"


def labels(of: Saving | None) -> str:
    """Labels at which the reference's end is first reached, "never", or a dash where it cannot be told."""
    if of is None or (of.labels_to_target is None and not of.never):
        return "–"
    return "never" if of.labels_to_target is None else f"{of.labels_to_target:.0f}"


def gap(of: Difference, digits: int = 4) -> str:
    """A difference with its interval, for instance `+0.0429 [+0.0370, +0.0495]`."""
    if of.low is None or of.high is None:
        return f"{of.difference:+.{digits}f}"
    return f"{of.difference:+.{digits}f} [{of.low:+.{digits}f}, {of.high:+.{digits}f}]"


def digits(outcomes: Outcomes) -> int:
    """Decimals that show a thousandth of the range of the judge's scores or less, 4 where there are none."""
    low, high = outcomes.uniform_score, outcomes.best_score
    if low is None or high is None:
        return 4
    return min(max(3 - floor(log10(high - low)), 0), 8)


def plus_minus(of: Estimate | None, decimals: int, scale: float = 1.0) -> str:
    """A mean with half of its interval's width, for instance `1.23 ± 0.05`; both times `scale`."""
    if of is None:
        return ""
    value = f"{of.value * scale:.{decimals}f}"
    return value if of.high is None else f"{value} ± {(of.high - of.value) * scale:.{decimals}f}"


def labels_at_share(of: Saving | None, outcomes: Outcomes) -> str:
    """Labels needed to match the reference, on the grid of shares."""
    return labels_from(of, outcomes.n_labels[0])


def labels_from(of: Saving | None, first: int) -> str:
    """Labels needed to match the reference; where the curve begins no more is known than an upper bound."""
    at_once = of is not None and of.labels_to_target is not None and of.labels_to_target <= first
    return "≤ " * at_once + labels(of)


def shown(name: str, savings: Savings) -> str:
    """A policy's name, marked where it is an oracle ceiling."""
    return f"{name} (oracle ceiling)" if savings.policies[name].ceiling else name


def headline(name: str, savings: Savings) -> str:
    """One sentence on one policy that states gains, losses and the absence of both alike."""
    of, reference = savings.policies[name], savings.reference
    name = f"**{name}**{' (oracle ceiling)' * of.ceiling}"
    nats = f"{gap(of.area)} nats over the whole curve"
    reached = reach(of.saving)
    return f"{learns(name, of.verdict, reference, nats, reached)}."


def learns(name: str, verdict: Verdict, reference: str, by: str, reached: str) -> str:
    """A gain, a loss or the absence of both, in words.

    Args:
        name: the policy.
        verdict: on its whole curve.
        reference: the policy that it is measured against.
        by: the curve's difference.
        reached: what `reach` says.
    """
    if verdict == "cannot tell":
        return f"{name}: whether it learns faster than {reference} cannot be told ({by})"
    if verdict == "better":
        return f"{name} learns faster than {reference} ({by}): {reached}"
    if verdict == "worse":
        return f"{name} learns more slowly than {reference} ({by}): {reached}"
    return f"{name}: no difference from {reference} that these runs can show ({by}); {reached}"


def reach(of: Saving | None) -> str:
    """How many labels are saved, in words."""
    if of is None or of.saved is None:
        return "labels saved cannot be told"
    bounds = f"(interval {percent(of.saved_low)} to {percent(of.saved_high)})"
    if of.saved < 0:
        return f"it needs {'more than ' * of.beyond}{percent(-of.saved)} more labels {bounds}"
    return f"it saves {'more than ' * of.beyond}{percent(of.saved)} of the labels {bounds}"


def ordered(savings: Savings) -> list[str]:
    """Names of the policies, the best curve first."""
    return sorted(savings.policies, key=lambda name: -savings.policies[name].area.difference)


def by_outcome(savings: Savings, outcomes: Outcomes) -> list[str]:
    """Names of the policies, the most accurate fresh reward model first."""
    of = outcomes.reward_model.policies
    return sorted(savings.policies, key=lambda name: -of[name].by_share[-1].value)


def by_gap(savings: Savings) -> list[str]:
    """Names of the policies, the largest gap between the responses compared first, those without one last."""
    gaps = {name: of.gap.value if of.gap is not None else -inf for name, of in savings.choices.items()}
    return sorted(gaps, key=lambda name: -gaps[name])
