"""The comparison as a table for the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from prefloop.report.results import Savings
from prefloop.report.wording import gap, ordered, saved

_STYLES = {"better": "green", "worse": "red", "no difference": "", "reference": "dim"}


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
        own = ("–", final, "–") if of.verdict == "reference" else (saved(of), final, gap(of.area, digits=3))
        # Text, because the brackets of an interval would be read as markup.
        row = (name, *own, "control: " * of.control + of.verdict)
        table.add_row(*(Text(cell) for cell in row), style=_STYLES[of.verdict])
    return table
