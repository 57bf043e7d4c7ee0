"""report.md: the tables of the primary outcome, and the out-of-distribution one."""

from __future__ import annotations

from prefloop.report.amounts import DASH, gap, labels, saved
from prefloop.report.numbers import Against
from prefloop.report.page import table
from prefloop.report.results import Savings
from prefloop.report.wording import VIEWS, best_baseline, excluded, in_views, ordered, shown

_BEST = "the best without a model"


def main_table(savings: Savings) -> str:
    """Labels saved and the verdict, against the best without a model and against random; the best curve first."""
    reference, best = savings.reference, best_baseline(savings)
    head = ["policy"]
    for baseline in dict.fromkeys((best, reference)):
        head += [f"labels saved against {baseline}", "verdict"]
    rows = []
    for name in ordered(savings):
        result = savings.policies[name]
        row = [shown(name, savings)]
        if best != reference:
            row += [DASH, _BEST] if name == best else _cells(result.against_best)
        row += [DASH, "reference"] if name == reference else _cells(result.against_random)
        rows.append(row)
    return f"## By the primary outcome\n\n{table(head, rows)}"


def nats_table(savings: Savings) -> str:
    """What the main table rests on, in nats, and the crossing."""
    reference, best = savings.reference, best_baseline(savings)
    head = ["primary outcome", "final test log-likelihood", "normalised AUC"]
    head += [f"AUC minus {baseline}'s" for baseline in dict.fromkeys((best, reference))]
    head.append(f"labels to match {reference} (leans low)")
    rows = []
    for name in ordered(savings):
        result = savings.policies[name]
        row = [
            shown(name, savings),
            f"{result.final['test']['log_likelihood'].value:.4f}",
            f"{result.area.value:.4f}",
        ]
        if best != reference:
            row.append(DASH if result.against_best is None else gap(result.against_best.area))
        row.append(DASH if result.against_random is None else gap(result.against_random.area))
        rows.append([*row, str(savings.budget) if name == reference else labels(result.saving)])
    return table(head, rows)


def views_table(savings: Savings) -> str:
    """Every policy under three ways to weigh test prompts, whatever the declared target."""
    head = ("difference from random", *VIEWS.values(), "in words")
    rows = [
        (
            shown(name, savings),
            *(
                DASH if view is None else excluded(view.area)
                for view in (savings.policies[name].views[v] for v in VIEWS)
            ),
            in_views(savings, name),
        )
        for name in ordered(savings)
        if name != savings.reference
    ]
    return (
        "## The same curves for other uses\n\n"
        "Normalised AUC of test log-likelihood minus random's, in nats, with test prompts weighted in "
        "three ways, whatever the declared target. Intervals are as wide as those of the verdicts; a `*` marks "
        "those that exclude zero.\n\n"
        f"{table(head, rows)}"
    )


def ood_table(savings: Savings) -> str:
    """The same curve on the out-of-distribution split; empty without one."""
    if "ood" not in savings.conclusions:
        return ""
    reference, of_ood = savings.reference, savings.conclusions["ood"]
    head = ("out of distribution", f"AUC minus {reference}'s, nats", f"labels saved against {reference}")
    rows = [
        (shown(name, savings), excluded(ood.area), saved(ood.saving))
        for name in ordered(savings)
        for ood in [savings.policies[name].ood]
        if name != reference and ood is not None
    ]
    lines = "".join(f"> Nothing can be told on this split: {reason}.\n\n" for reason in of_ood.reasons)
    return f"{lines}{table(head, rows)}"


def _cells(against: Against | None) -> list[str]:
    return [DASH, DASH] if against is None else [saved(against.saving), against.verdict]
