"""report.md: which two responses each policy had compared."""

from __future__ import annotations

from collections.abc import Set

from prefloop.report.amounts import between
from prefloop.report.numbers import Estimate
from prefloop.report.outcome_results import Choices, ModelShare
from prefloop.report.page import named, picture, table
from prefloop.report.results import Savings
from prefloop.report.wording import by_gap, digits, shown

_CAPTION = "Gap against winner regret: what sort of pairs a policy asks about."


def choices_page(savings: Savings, present: Set[str]) -> str:
    """Write the section on the chosen pairs; empty where neither scores nor models are known.

    Args:
        savings: the comparison.
        present: names of the pictures there are.
    """
    choices = savings.choices.values()
    scored, named = any(c.gap for c in choices), any(c.chosen or c.rejected for c in choices)
    if not scored and not named:
        return ""
    sections = ["### Which two responses were compared\n", _table(savings, scored)]
    if "choices" in present:
        sections.append(picture("choices", _CAPTION))
    if named:
        sections.append(_models(savings))
    sections.append(_reading(savings, scored))
    return "\n".join(sections)


def _table(savings: Savings, scored: bool) -> str:
    of_scores = ("gap", "winner regret", "pair regret", "best-hit rate, %")
    head = ["policy", *(of_scores if scored else ()), "ties, %", "comparisons", "annotation calls"]
    rows = []
    for policy in by_gap(savings):
        choices = savings.choices[policy]
        scores = _score_cells(savings, choices) if scored else []
        counts = [f"{choices.comparisons:.0f}", f"{choices.annotation_calls:.0f}"]
        rows.append([shown(policy, savings), *scores, _percent(choices.ties), *counts])
    return table(head, rows)


def _score_cells(savings: Savings, choices: Choices) -> list[str]:
    decimals = max(digits(savings.outcomes) - 1, 0) if savings.outcomes is not None else 3
    amounts = [between(value, decimals) for value in (choices.gap, choices.winner_regret, choices.pair_regret)]
    return [*amounts, _percent(choices.best_hit)]


def _percent(share: Estimate | None) -> str:
    return between(share, 1, 100.0)


def _models(savings: Savings) -> str:
    rows = [
        [shown(policy, savings), _names(choices.chosen), _names(choices.rejected)]
        for policy in by_gap(savings)
        for choices in [savings.choices[policy]]
    ]
    return table(["policy", "models most often chosen", "most often rejected"], rows)


def _names(models: list[ModelShare]) -> str:
    quoted = [(named(model.model), model.share) for model in models]
    return ", ".join(f"{name} {share:.0%}" for name, share in quoted)


def _reading(savings: Savings, scored: bool) -> str:
    bounds = f" with {savings.confidence:.0%} intervals over seeds (Student)" if len(savings.seeds) > 1 else ""
    lines = [f"Means over the rounds after the initial labels{bounds}; comparisons and annotation calls in all.\n"]
    if scored:
        lines.append("""\
- *Gap*: difference of the two scores. It is large by construction for rules that look for a likely best and
  a likely worst response (DRTS, DeltaUCB). *Winner regret*: the prompt's best score minus the better of the two;
  *pair regret*: minus the mean of the two. They are small by construction for rules that look for two likely best
  responses (DTS, MaxMinLCB). Neither is an outcome: what the labels bought stands above.
- *Best-hit rate*: share of pairs that hold a response of the prompt's best score.""")
    lines.append("""\
- *Ties*: share of labels that said "tie". *Annotation calls*: responses scored, each once; a listed verdict
  counts as one.""")
    return "\n".join(lines) + "\n"
