"""Single numbers in words: a dash stands where nothing can be told."""

from __future__ import annotations

from prefloop.report.numbers import Difference, Estimate, Saving, Verdict

DASH = "–"
# The widest difference of two shares, for instance of accuracies or win rates.
OF_SHARES = 1.0


def plain(sentence: str) -> str:
    """A sentence without Markdown's marks, for the terminal and for tags."""
    return sentence.replace("**", "").replace("`", "")


def percent(value: float | None) -> str:
    """A fraction as a whole percentage; null is a dash."""
    return DASH if value is None else f"{value:.0%}".replace("-0%", "0%")


def saved(of: Saving | None) -> str:
    """Fraction of labels saved with its interval, for instance `40% [33%, 45%]`; a dash where none can be told."""
    if of is None or not of.told:
        return DASH
    low, high = "< " * of.open_low + percent(of.saved_low), "> " * of.open_high + percent(of.saved_high)
    beyond = "" if not of.beyond else "> " if (of.saved or 0) > 0 else "< "
    return f"{beyond}{percent(of.saved)} [{low}, {high}]"


def labels(of: Saving | None) -> str:
    """Labels at which the reference's end is first reached, "never", or a dash where it cannot be told."""
    if of is None or (of.labels_to_target is None and not of.never):
        return DASH
    return "never" if of.labels_to_target is None else f"{of.labels_to_target:.0f}"


def labels_from(of: Saving | None, first: int) -> str:
    """Labels needed to match the reference; where the curve begins no more is known than an upper bound."""
    at_once = of is not None and of.labels_to_target is not None and of.labels_to_target <= first
    return "≤ " * at_once + labels(of)


def gap(of: Difference, digits: int = 4, widest: float | None = None) -> str:
    """A difference with its interval, for instance `+0.0429 [+0.0370, +0.0495]`.

    Args:
        of: the difference.
        digits: decimals.
        widest: the largest difference there is. An interval that leaves all of them open tells nothing: a dash.
    """
    if of.low is None or of.high is None:
        return f"{of.difference:+.{digits}f}"
    if widest is not None and of.low <= -widest and of.high >= widest:
        return DASH
    return f"{of.difference:+.{digits}f} [{of.low:+.{digits}f}, {of.high:+.{digits}f}]"


def between(of: Estimate | None, decimals: int, scale: float = 1.0) -> str:
    """A mean with its interval, for instance `1.23 [1.10, 1.31]`, all times `scale`; empty where there is none."""
    if of is None:
        return ""
    value = f"{of.value * scale:.{decimals}f}"
    if of.low is None or of.high is None:
        return value
    return f"{value} [{of.low * scale:.{decimals}f}, {of.high * scale:.{decimals}f}]"


def reach(of: Saving | None, name: str = "it") -> str:
    """How many labels are saved, in words."""
    if of is None or not of.told or of.saved is None:
        return "labels saved cannot be told"
    low, high = of.open_low * "below " + percent(of.saved_low), of.open_high * "above " + percent(of.saved_high)
    bounds = f"(saving: {low} to {high})"
    if of.saved < 0:
        return f"{name} needs {'more than ' * of.beyond}{percent(-of.saved)} more labels {bounds}"
    return f"{name} saves {'more than ' * of.beyond}{percent(of.saved)} of the labels {bounds}"


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
