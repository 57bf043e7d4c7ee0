"""The comparison as tables for the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import Savings
from prefloop.report.wording import by_outcome, digits, gap, labels_at_share, ordered, saved, shown

VERDICT_STYLES = {"better": "green", "worse": "red", "no difference": "", "cannot tell": "", "reference": "dim"}


def terminal_table(savings: Savings) -> Table:
    """Build the table that `prefloop report` and `prefloop bench` print, the best curve first."""
    about = f"{savings.budget} labels, {len(savings.seeds)} seeds, {savings.confidence:.0%} intervals"
    title = f"{savings.dataset}: {about}"
    table = Table(title=title, title_justify="left", caption=savings.note, caption_justify="left")
    table.add_column("policy", no_wrap=True)
    for name in (f"labels saved vs {savings.reference}", "final test ll", "AUC difference, nats"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for name in ordered(savings):
        of = savings.policies[name]
        final = f"{of.final['test']['log_likelihood'].value:.4f}"
        own = ("–", final, "–") if of.verdict == "reference" else (saved(of.saving), final, gap(of.area, digits=3))
        # Text, because the brackets of an interval would be read as markup.
        row = (shown(name, savings), *own, "control: " * of.control + of.verdict)
        table.add_row(*(Text(cell) for cell in row), style=VERDICT_STYLES[of.verdict])
    return table


def outcomes_table(savings: Savings) -> Table | None:
    """Build the second table, where responses are scored: both primary outcomes, and what was compared."""
    outcomes = savings.outcomes
    if outcomes is None or not any(of.gap for of in savings.choices.values()):
        return None
    title = f"What the labels bought, and what was compared ({outcomes.budget} labels)"
    table = Table(title=title, title_justify="left")
    table.add_column("policy", no_wrap=True)
    for outcome in outcomes.primary:
        value = {"reward_model": "fresh\naccuracy", "policy": "proxy\nscore"}[outcome]
        for name in (value, f"vs {savings.reference}", "to\nmatch"):
            table.add_column(name, justify="right")
    for name in ("gap", "winner\nregret", "ties", "judge\ncalls"):
        table.add_column(name, justify="right")
    for policy in by_outcome(savings, outcomes):
        cells = [cell for name in outcomes.primary for cell in _outcome_cells(savings, outcomes, name, policy)]
        table.add_row(Text(shown(policy, savings)), *cells, *_choice_cells(savings, outcomes, policy))
    return table


def _outcome_cells(savings: Savings, outcomes: Outcomes, name: str, policy: str) -> list[Text]:
    of, decimals = outcomes.primary[name].policies[policy], 3 if name == "reward_model" else digits(outcomes)
    value = f"{of.by_share[-1].value:.{decimals}f}"
    style = VERDICT_STYLES[of.verdict]
    if policy == savings.reference:
        return [Text(value, style), Text("–", style), Text(str(outcomes.budget), style)]
    return [Text(value), Text(gap(of.by_share[-1], decimals), style), Text(labels_at_share(of.saving, outcomes))]


def _choice_cells(savings: Savings, outcomes: Outcomes, policy: str) -> list[Text]:
    of, decimals = savings.choices[policy], max(digits(outcomes) - 1, 0)
    means = ["" if mean is None else f"{mean.value:.{decimals}f}" for mean in (of.gap, of.winner_regret)]
    ties = "" if of.ties is None else f"{of.ties.value:.0%}"
    return [Text(cell) for cell in (*means, ties, f"{of.judge_calls:.0f}")]
