"""What MLflow keeps of a comparison: accessors of its results, and the numbers made of them.

The accessors in the first half are all that knows the shape of savings.json.
"""

from __future__ import annotations

from prefloop.report.numbers import Difference, Saving
from prefloop.report.results import Savings
from prefloop.report.wording import headline, ordered
from prefloop.tracking.headline import best_metrics
from prefloop.tracking.names import saving_metrics

_OUTCOMES = {"reward_model": "fresh_test_accuracy", "policy": "proxy_test_score"}


def candidates(savings: Savings) -> list[str]:
    """Policies that a campaign could use, the best curve first: no reference, control or oracle ceiling."""
    of = savings.policies
    return [
        name
        for name in ordered(savings)
        if name != savings.reference and not of[name].control and not of[name].ceiling
    ]


def finding(savings: Savings) -> str:
    """What was found, in one sentence."""
    best = candidates(savings)[:1]
    return headline(best[0], savings) if best else savings.note or "Nothing was compared."


def note(savings: Savings) -> str:
    """What was found of every policy, the best first, as a Markdown list."""
    return "".join(f"- {headline(name, savings)}\n" for name in ordered(savings) if name != savings.reference)


def difference(savings: Savings, policy: str) -> Difference:
    """A policy's difference of the whole test curve, nats."""
    return savings.policies[policy].area


def saving(savings: Savings, policy: str) -> Saving:
    """The labels that a policy saves."""
    return savings.policies[policy]


def reference_finals(savings: Savings) -> dict[str, float]:
    """The reference's values after the last round, for instance `reference_test_accuracy`."""
    of = savings.policies.get(savings.reference)
    if of is None:
        return {}
    return {
        f"reference_{split}_{name}": value.value for split, row in of.final.items() for name, value in row.items()
    }


def policy_numbers(savings: Savings, policy: str) -> dict[str, float]:
    """All numbers of a policy, the same on all its runs; NaN stands for "never"."""
    numbers = saving_metrics(saving(savings, policy), difference(savings, policy), "", "area")
    for outcome, name in _OUTCOMES.items():
        judged = savings.outcomes.primary.get(outcome) if savings.outcomes is not None else None
        if judged is not None:
            result = judged.policies[policy]
            numbers |= saving_metrics(result, result.by_share[-1], f"{name}_", name)
    return numbers


def headline_metrics(savings: Savings) -> dict[str, float]:
    """About a dozen numbers of a whole comparison; the rest stands in its tables."""
    best = candidates(savings)[:1]
    return {
        "policies": float(len(savings.policies)),
        "seeds": float(len(savings.seeds)),
        "labels": float(savings.budget),
        **reference_finals(savings),
        **(best_metrics(difference(savings, best[0]), saving(savings, best[0])) if best else {}),
    }
