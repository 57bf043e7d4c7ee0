"""The one sentence of a comparison as data: is a choice of labels worth it here, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Literal

from prefloop.report.numbers import Against, Conclusion, Duel, Result


class Finding(Result):
    """What a comparison found, and its advice.

    Attributes:
        finding: whether choosing labels is worth it under the declared target.
        advice: choose at random, choose by `policy`, or it cannot be told yet.
        policy: the policy it is about; null where none was compared.
        baseline: the better of those that need no model, which it was compared with; null as above.
        saved: what the policy saves against that baseline; null where it cannot be told.
        more_seeds: about how many further seeds would tell; null where no number would, or none is needed.
        reasons: why it cannot be told, in words.
    """

    finding: Literal["worth it", "not worth it", "cannot be told"]
    advice: Literal["choose at random", "choose by policy", "cannot be told"]
    policy: str | None
    baseline: str | None
    saved: float | None
    more_seeds: int | None
    reasons: list[str]


def find(
    conclusion: Conclusion,
    duels: Mapping[str, Duel],
    seeds: int,
    min_seeds: int,
    worthwhile: float,
) -> Finding:
    """Sum a comparison up.

    The best policy is the one with the highest curve among those that can be run. It is worth it where it is
    better than the best baseline that needs no model (or, needing none itself, than random). It is not worth
    it where every policy's interval ends below a worthwhile saving. Else more seeds may tell: the interval
    shrinks with their root.

    Args:
        conclusion: whether the comparison can conclude.
        duels: of the policies that can be run, without controls, ceilings and the pooled random.
        seeds: seeds there are.
        min_seeds: seeds that a verdict needs at least.
        worthwhile: the smallest share of labels saved that is worth the trouble.
    """
    met = {name: duel.primary for name, duel in duels.items()}
    contenders = {name: against for name, against in met.items() if against is not None}
    if not contenders:
        return _finding("cannot be told", None, None, None, ["no policy was compared with random"])
    policy = max(contenders, key=lambda name: duels[name].area.value)
    against = contenders[policy]
    if not conclusion.conclusive:
        missing = min_seeds - seeds if seeds < min_seeds else None
        return _finding("cannot be told", policy, against, missing, conclusion.reasons)
    if against.verdict == "better":
        return _finding("worth it", policy, against, None, [])
    if all(_below(other, worthwhile) for other in contenders.values()):
        return _finding("not worth it", policy, against, None, [])
    return _finding("cannot be told", policy, against, seeds_wanted(against, seeds), [])


def seeds_wanted(against: Against, seeds: int) -> int | None:
    """Further seeds after which an interval about the same difference would exclude 0; None where none would."""
    of = against.area
    if of.difference <= 0 or of.low is None or of.high is None:
        return None
    return max(ceil(seeds * ((of.high - of.low) / 2 / of.difference) ** 2) - seeds, 1)


def _below(against: Against, worthwhile: float) -> bool:
    """Whether a saving worth having is excluded."""
    if against.verdict == "worse":
        return True
    high = against.saving.saved_high
    return high is not None and high < worthwhile and not against.saving.open_high


def _finding(
    finding: Literal["worth it", "not worth it", "cannot be told"],
    policy: str | None,
    against: Against | None,
    more_seeds: int | None,
    reasons: list[str],
) -> Finding:
    advice: dict[str, Literal["choose at random", "choose by policy", "cannot be told"]] = {
        "worth it": "choose by policy",
        "not worth it": "choose at random",
        "cannot be told": "cannot be told",
    }
    return Finding(
        finding=finding,
        advice=advice[finding],
        policy=policy,
        baseline=None if against is None else against.baseline,
        saved=None if against is None else against.saving.saved,
        more_seeds=more_seeds,
        reasons=reasons,
    )
