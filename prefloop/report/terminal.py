"""The comparison as tables for the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from prefloop.errors import shown as spelt
from prefloop.report.amounts import DASH, plain, saved
from prefloop.report.numbers import Against
from prefloop.report.outcome_results import Outcomes
from prefloop.report.results import Savings
from prefloop.report.wording import best_baseline, by_outcome, digits, excluded, ordered, shown

VERDICT_STYLES = {"better": "green", "worse": "red", "no difference": "", "cannot tell": "", "reference": "dim"}


def terminal_table(savings: Savings) -> Table:
    """Build the table that `prefloop report` and `prefloop bench` print: the answer, then the best curve first."""
    table = Table(title=_title(savings), title_justify="left", caption=_caption(savings), caption_justify="left")
    table.add_column("policy", no_wrap=True)
    best, reference = best_baseline(savings), savings.reference
    for baseline in dict.fromkeys((best, reference)):
        table.add_column(f"labels saved\nvs {baseline}", justify="right")
        table.add_column("verdict")
    table.add_column("final\ntest ll", justify="right", no_wrap=True)
    for name in ordered(savings):
        result = savings.policies[name]
        # Text, because the brackets of an interval would be read as markup.
        cells = [Text(shown(name, savings))]
        if best != reference:
            cells += _duel_cells(result.against_best, "the best without")
        cells += _duel_cells(result.against_random, "reference")
        final = Text(f"{result.final['test']['log_likelihood'].value:.4f}")
        table.add_row(
            *cells, final, style="" if result.primary is None else VERDICT_STYLES[result.primary.verdict]
        )
    return table


def _title(savings: Savings) -> Text:
    about = f"{spelt(savings.dataset)}: {savings.budget} labels, {len(savings.seeds)} seeds, "
    about += f"{savings.confidence:.0%} intervals of all policies together"
    if savings.finding is None:
        return Text(about)
    return Text(f"{plain(savings.finding.sentence)}\n{about}", style="not italic")


def _caption(savings: Savings) -> str | None:
    return savings.note if savings.finding is None else plain(savings.finding.advice_sentence)


def _duel_cells(against: Against | None, itself: str) -> list[Text]:
    if against is None:
        return [Text(DASH), Text(itself)]
    return [Text(saved(against.saving)), Text(against.verdict)]


def outcomes_table(savings: Savings) -> Table | None:
    """Build the second table, where responses are scored: secondary outcomes, and what was compared."""
    outcomes = savings.outcomes
    if outcomes is None or not any(choices.gap for choices in savings.choices.values()):
        return None
    title = f"Secondary, no verdicts: what {outcomes.budget} labels bought, and what was compared"
    table = Table(title=title, title_justify="left")
    table.add_column("policy", no_wrap=True)
    for outcome in outcomes.primary:
        value = {"reward_model": "retrained\naccuracy", "policy": "proxy\nscore"}[outcome]
        for name in (value, f"curve vs {savings.reference}", "saved"):
            table.add_column(name, justify="right")
    for name in ("gap", "winner\nregret", "ties", "annotation\ncalls"):
        table.add_column(name, justify="right")
    for policy in by_outcome(savings, outcomes):
        cells = [cell for name in outcomes.primary for cell in _outcome_cells(savings, outcomes, name, policy)]
        table.add_row(Text(shown(policy, savings)), *cells, *_choice_cells(savings, outcomes, policy))
    return table


def _outcome_cells(savings: Savings, outcomes: Outcomes, name: str, policy: str) -> list[Text]:
    result, decimals = outcomes.primary[name].policies[policy], 3 if name == "reward_model" else digits(outcomes)
    value = f"{result.by_share[-1].value:.{decimals}f}"
    if policy == savings.reference:
        return [Text(value), Text(DASH), Text(DASH)]
    difference = excluded(result.area, decimals, share=name == "reward_model")
    return [Text(value), Text(difference), Text(saved(result.saving))]


def _choice_cells(savings: Savings, outcomes: Outcomes, policy: str) -> list[Text]:
    choices, decimals = savings.choices[policy], max(digits(outcomes) - 1, 0)
    means = ["" if mean is None else f"{mean.value:.{decimals}f}" for mean in (choices.gap, choices.winner_regret)]
    ties = "" if choices.ties is None else f"{choices.ties.value:.0%}"
    return [Text(cell) for cell in (*means, ties, f"{choices.annotation_calls:.0f}")]
