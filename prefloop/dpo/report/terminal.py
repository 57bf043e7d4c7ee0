"""Table of a comparison for the terminal."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table
from rich.text import Text

from prefloop.dpo.report.results import Comparison, PolicyResult
from prefloop.dpo.report.wording import ordered
from prefloop.errors import shown
from prefloop.report.amounts import OF_SHARES, labels_from, plain
from prefloop.report.numbers import Difference
from prefloop.report.terminal import VERDICT_STYLES


def terminal_table(comparison: Comparison) -> Table:
    """Build the table that `prefloop dpo report` prints, the best curve by the oracle first."""
    about = f"{comparison.budget} labels, {len(comparison.seeds)} seeds, {comparison.confidence:.0%} intervals"
    note = f"win %: at the end, difference from {comparison.reference}, its interval; verdict: oracle's curve"
    title = Text(f"{plain(comparison.finding.sentence)}\n{shown(comparison.dataset)}: {about}", style="not italic")
    table = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    table.add_column("policy", no_wrap=True)
    table.add_column("labels\nto match", justify="right", no_wrap=True)
    for judge, who in comparison.judges.items():
        table.add_column(f"win %, {judge}\n{escape(shown(who.name))}", justify="right")
    for name in ("KL,\nnats", "length"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict")
    for name in ordered(comparison):
        policy = comparison.policies[name]
        verdict = policy.wins["oracle"].verdict
        # Text, because the brackets of an interval would be read as markup.
        texts = (name, *_cells(policy, comparison), "control: " * policy.control + verdict)
        cells = [Text(text) for text in texts]
        table.add_row(*cells, style=VERDICT_STYLES[verdict])
    return table


def _cells(policy: PolicyResult, comparison: Comparison) -> list[str]:
    oracle = policy.wins["oracle"]
    wins = [_win(policy.wins[judge].final, oracle.verdict == "reference") for judge in comparison.judges]
    needed = "–" if oracle.verdict == "reference" else labels_from(oracle.saving, comparison.n_labels[0])
    return [needed, *wins, f"{policy.kl[-1].value:.2f}", f"{policy.length[-1].value:.1f}"]


def _win(win: Difference, is_reference: bool) -> str:
    value = f"{100 * win.value:.1f}"
    if is_reference:
        return value
    value = f"{value} {100 * win.difference:+.1f}"
    if win.low is None or win.high is None or (win.low <= -OF_SHARES and win.high >= OF_SHARES):
        return value
    return f"{value}\n[{100 * win.low:+.1f}, {100 * win.high:+.1f}]"
