"""Numbers and verdicts in words, the same in the report and on the terminal."""

from __future__ import annotations

from math import floor, inf, log10

from prefloop.report.amounts import DASH, OF_SHARES, gap, labels_from, learns, reach
from prefloop.report.curves import significant
from prefloop.report.numbers import Against, Difference, Saving
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import Savings

# Declared targets in words.
TARGETS = {
    "prompts": "`prompts` (every prompt counts once)",
    "pairs": "`pairs` (a prompt counts as often as it occurs in the pool)",
    "file": "`file` (prompts weighted to resemble those of a given file)",
}
# Ways to weigh test prompts, in words.
VIEWS = {"prompts": "prompts alike", "pairs": "pairs alike", "largest": "largest prompt alone"}
_WITH = {"prompts": "with prompts alike", "pairs": "with pairs alike", "largest": "on the largest prompt alone"}


def excluded(difference: Difference, digits: int = 4, share: bool = False) -> str:
    """A difference with its interval, and a star where that excludes zero.

    Args:
        difference: the difference.
        digits: decimals.
        share: whether it is one of two shares.
    """
    return f"{gap(difference, digits, OF_SHARES if share else None)}{' *' * significant(difference)}"


def in_views(savings: Savings, name: str) -> str:
    """What a policy wins and loses against random, in words; a dash where nothing can be concluded."""
    if not savings.conclusive:
        return DASH
    won, lost = wins(savings, name), losses(savings, name)
    if won and lost:
        return f"wins {won}, **but loses {lost}**"
    return f"wins {won}" if won else f"loses {lost}" if lost else ""


def wins(savings: Savings, name: str) -> str:
    """The views in which a policy is better than random, in words; empty where there is none."""
    return _named(savings, name, 1)


def losses(savings: Savings, name: str) -> str:
    """The views in which a policy is worse than random, in words; empty where there is none."""
    return _named(savings, name, -1)


def _named(savings: Savings, name: str, sign: int) -> str:
    views = savings.policies[name].views
    areas = {view: view_result.area for view, view_result in views.items() if view_result is not None}
    named = [_WITH[view] for view, area in areas.items() if significant(area) and area.difference * sign > 0]
    return ", ".join(named[:-1]) + " and " * (len(named) > 1) + "".join(named[-1:])


def digits(outcomes: Outcomes) -> int:
    """Decimals that show a thousandth of the range of the judge's scores or less, 4 where there are none."""
    low, high = outcomes.uniform_score, outcomes.best_score
    if low is None or high is None:
        return 4
    return min(max(3 - floor(log10(high - low)), 0), 8)


def labels_at_share(saving: Saving | None, outcomes: Outcomes) -> str:
    """Labels needed to match the reference, on the grid of shares."""
    return labels_from(saving, outcomes.n_labels[0])


def shown(name: str, savings: Savings) -> str:
    """A policy's name, marked where it is an oracle upper bound or a control."""
    result = savings.policies[name]
    return f"{name}{' (oracle upper bound)' * result.oracle_upper_bound}{' (control)' * result.control}"


def headline(name: str, savings: Savings) -> str:
    """One sentence on one policy that states gains, losses and the absence of both alike."""
    result = savings.policies[name]
    against, random = result.primary, result.against_random
    name = f"**{name}**{' (oracle upper bound)' * result.oracle_upper_bound}"
    if against is None:
        return f"{name} is what the others are measured against."
    said = learns(name, against.verdict, against.baseline, _nats(against), reach(against.saving))
    if random is None or random is against:
        return f"{said}."
    return f"{said}. Against {random.baseline}: {random.verdict} ({_nats(random)}), {reach(random.saving)}."


def _nats(against: Against) -> str:
    return f"{gap(against.area)} nats over the whole curve"


def ordered(savings: Savings) -> list[str]:
    """Names of the policies, the best curve first."""
    return sorted(savings.policies, key=lambda name: -savings.policies[name].area.value)


def best_baseline(savings: Savings) -> str:
    """The policy without a model that has the highest curve; the reference where nothing was compared."""
    test = savings.conclusions.get("test")
    return savings.reference if test is None else test.best_baseline


def model_free(savings: Savings) -> list[str]:
    """Policies that need no model, the pooled random among them, without its single streams."""
    return [name for name, result in savings.policies.items() if result.model_free and not result.control]


def by_outcome(savings: Savings, outcomes: Outcomes) -> list[str]:
    """Names of the policies, the most accurate retrained reward model first."""
    policies = outcomes.reward_model.policies
    return sorted(savings.policies, key=lambda name: -policies[name].by_share[-1].value)


def by_gap(savings: Savings) -> list[str]:
    """Names of the policies, the largest gap between the responses compared first, those without one last."""
    gaps = {
        name: choices.gap.value if choices.gap is not None else -inf for name, choices in savings.choices.items()
    }
    return sorted(gaps, key=lambda name: -gaps[name])
