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


def saved(saving: Saving | None) -> str:
    """Fraction of labels saved with its interval, for instance `40% [33%, 45%]`; a dash where none can be told."""
    if saving is None or not saving.told:
        return DASH
    low, high = (
        "< " * saving.open_low + percent(saving.saved_low),
        "> " * saving.open_high + percent(saving.saved_high),
    )
    beyond = "" if not saving.beyond else "> " if (saving.saved or 0) > 0 else "< "
    return f"{beyond}{percent(saving.saved)} [{low}, {high}]"


def labels(saving: Saving | None) -> str:
    """Labels at which the reference's end is first reached, "never", or a dash where it cannot be told."""
    if saving is None or (saving.labels_to_target is None and not saving.never):
        return DASH
    return "never" if saving.labels_to_target is None else f"{saving.labels_to_target:.0f}"


def labels_from(saving: Saving | None, first: int) -> str:
    """Labels needed to match the reference; where the curve begins no more is known than an upper bound."""
    at_once = saving is not None and saving.labels_to_target is not None and saving.labels_to_target <= first
    return "≤ " * at_once + labels(saving)


def gap(difference: Difference, digits: int = 4, widest: float | None = None) -> str:
    """A difference with its interval, for instance `+0.0429 [+0.0370, +0.0495]`.

    Args:
        difference: the difference.
        digits: decimals.
        widest: the largest difference there is. An interval that leaves all of them open tells nothing: a dash.
    """
    if difference.low is None or difference.high is None:
        return f"{difference.difference:+.{digits}f}"
    if widest is not None and difference.low <= -widest and difference.high >= widest:
        return DASH
    return f"{difference.difference:+.{digits}f} [{difference.low:+.{digits}f}, {difference.high:+.{digits}f}]"


def between(estimate: Estimate | None, decimals: int, scale: float = 1.0) -> str:
    """A mean with its interval, for instance `1.23 [1.10, 1.31]`, all times `scale`; empty where there is none."""
    if estimate is None:
        return ""
    value = f"{estimate.value * scale:.{decimals}f}"
    if estimate.low is None or estimate.high is None:
        return value
    return f"{value} [{estimate.low * scale:.{decimals}f}, {estimate.high * scale:.{decimals}f}]"


def reach(saving: Saving | None, name: str = "it") -> str:
    """How many labels are saved, in words."""
    if saving is None or not saving.told or saving.saved is None:
        return "labels saved cannot be told"
    low, high = (
        saving.open_low * "below " + percent(saving.saved_low),
        saving.open_high * "above " + percent(saving.saved_high),
    )
    bounds = f"(saving: {low} to {high})"
    if saving.saved < 0:
        return f"{name} needs {'more than ' * saving.beyond}{percent(-saving.saved)} more labels {bounds}"
    return f"{name} saves {'more than ' * saving.beyond}{percent(saving.saved)} of the labels {bounds}"


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
