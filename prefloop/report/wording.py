"""Numbers and verdicts in words, the same in the report and on the terminal."""

from __future__ import annotations

from prefloop.report.results import Difference, PolicyResult, Saving, Savings


def percent(value: float | None) -> str:
    """A fraction as a whole percentage; null is "never"."""
    return "never" if value is None else f"{value:.0%}".replace("-0%", "0%")


def saved(of: Saving) -> str:
    """Fraction of labels saved with its interval, for instance `40% [33%, 45%]`."""
    if of.saved is None and of.saved_high is None:
        return "never"
    return f"{percent(of.saved)} [{percent(of.saved_low)}, {percent(of.saved_high)}]"


def labels(of: Saving) -> str:
    """Labels needed to match the reference, or "never"."""
    return "never" if of.labels_to_target is None else f"{of.labels_to_target:.0f}"


def gap(of: Difference, digits: int = 4) -> str:
    """A difference with its interval, for instance `+0.0429 [+0.0370, +0.0495]`."""
    return f"{of.difference:+.{digits}f} [{of.low:+.{digits}f}, {of.high:+.{digits}f}]"


def headline(name: str, savings: Savings) -> str:
    """One sentence on one policy that states gains, losses and the absence of both alike."""
    of, reference = savings.policies[name], savings.reference
    nats = f"{gap(of.area)} nats over the whole curve"
    if of.verdict == "better":
        return f"**{name}** learns faster than {reference} ({nats}): {_reach(of, savings)}."
    if of.verdict == "worse":
        return f"**{name}** learns more slowly than {reference} ({nats}): {_reach(of, savings)}."
    return f"**{name}**: no difference from {reference} that these runs can show ({nats}); {_reach(of, savings)}."


def ordered(savings: Savings) -> list[str]:
    """Names of the policies, the best curve first."""
    return sorted(savings.policies, key=lambda name: -savings.policies[name].area.difference)


def _reach(of: PolicyResult, savings: Savings) -> str:
    budget, reference = savings.budget, savings.reference
    if of.saved is None:
        some = f" ({1 - of.never_share:.0%} of the resamples do)" if of.never_share < 0.995 else ""
        return f"it never reaches {reference}'s final test log-likelihood within {budget} labels{some}"
    bounds = f"{percent(of.saved_low)} to {percent(of.saved_high)}"
    return (
        f"it reaches {reference}'s final test log-likelihood with {labels(of)} labels instead of {budget}, "
        f"{percent(of.saved)} saved (interval {bounds})"
    )
