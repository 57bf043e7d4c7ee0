"""`prefloop labels export`, and `import` of a file: comparisons out to people and tools, their verdicts back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json
from prefloop.errors import shown
from prefloop.exchange.label_files.formats import Format
from prefloop.exchange.label_files.spans import spans

if TYPE_CHECKING:
    from prefloop.config import Params
    from prefloop.exchange.label_files.bill import Bill
    from prefloop.exchange.label_files.take import Taken

_FIRST = 5


def export(
    form: Annotated[
        Format, typer.Option("--format", help="csv, xlsx or jsonl to fill in; labelstudio or potato.")
    ],
    out: Annotated[Path, typer.Option(help="File to write; the tools' configuration is written beside it.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Every comparison chosen so far, not only those that wait.")
    ] = False,
    params: ParamsFile = DEFAULT_PARAMS,
    as_json: AsJson = False,
) -> None:
    """Write the comparisons that wait for a label as a file that people fill in or annotation tools import.

    Which answer stands left is random by pair, and recorded in the file. Models are not named. Exit code 4 when
    nothing waits. Back: prefloop labels import FILE

    Example: prefloop labels export --format xlsx --out batch.xlsx
    """
    from prefloop.exchange.label_files.write import check_out, export_questions, guidelines_digest
    from prefloop.io.layout import Layout

    chosen = load(params)
    check_out(out, form)
    guidelines = guidelines_digest(chosen, params)
    told = export_questions(chosen, Layout.repository(), out, form, everything=everything, guidelines=guidelines)
    if as_json:
        print_json(told)
    else:
        typer.echo(f"{', '.join(map(shown, told['files']))}: {told['pairs']} comparisons")


def import_labels(
    file: Path, params: Params, annotator: str | None, replacing: bool, dry_run: bool, as_json: bool
) -> None:
    """Take a label file into the log, and say what was found and what it cost."""
    from prefloop.desk.budget import Budget
    from prefloop.errors import ConfigError
    from prefloop.exchange.label_files.take import import_file
    from prefloop.io.layout import Layout

    if annotator is not None and not annotator.strip():
        raise ConfigError("--annotator: got a blank name, expected who gave the verdicts")
    taken = import_file(
        *(file, Layout.repository(), Budget.of(params)), annotator=annotator, replacing=replacing, dry_run=dry_run
    )
    currency = params.campaign.cost.currency
    if as_json:
        told = taken.to_json()
        told["cost"]["currency"] = currency
        print_json({"file": str(file), "dry_run": dry_run, **told})
    else:
        _tell(file, taken, dry_run, currency)
    if taken.new and taken.bill.passed:
        _warn_of(taken.bill, dry_run, currency)


def _tell(file: Path, taken: Taken, dry_run: bool, currency: str) -> None:
    counts = taken.to_json()
    verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts["verdicts"].items()) or "none"
    newer = f", {taken.replaced} of them replace an earlier word" if taken.replaced else ""
    typer.echo(
        f"{shown(file)}: {len(taken.new)} labels {'would be ' if dry_run else ''}appended ({verdicts}){newer}; "
        f"{len(taken.known)} known, {len(taken.conflicting)} conflicting, {len(taken.unknown)} unknown, "
        f"{counts['skipped']} skipped{'' if dry_run or not taken.new else '; next: dvc repro'}"
    )
    if taken.new:
        spent, untimed = counts["cost"], taken.bill.untimed
        but = f"; {untimed} of them do not say how long they took" if untimed else ""
        typer.echo(f"  cost: {spent['money']:.10g} {shown(currency)}, {spent['hours']:.10g} hours of work{but}")
    for one in taken.conflicting[:_FIRST]:
        stands = (
            f"has {one.stands} in the log" if one.stands else "contradicts itself in the file, or was taken back"
        )
        typer.echo(
            f"  conflicting, row {one.row}: {shown(one.annotator)} says {one.got} of {one.pair_id}, and {stands}"
        )
    _more(len(taken.conflicting), "conflicting; --replace takes them as the newer word")
    for row, pair in taken.unknown[:_FIRST]:
        typer.echo(f"  unknown, row {row}: the data have no pair {shown(pair)}")
    _more(len(taken.unknown), "unknown")
    for reason, rows in taken.skipped.items():
        typer.echo(f"  skipped, {reason.replace('_', ' ')}: {len(rows)} (row {spans(rows)})")


def _warn_of(bill: Bill, dry_run: bool, currency: str) -> None:
    units = {"money": currency}
    passed = ", ".join(
        f"{one.spent:.10g} of {one.limit:.10g} {units.get(one.name, one.name)}" for one in bill.passed
    )
    done = "would be" if dry_run else "is"
    told = f"the budget {done} passed: {passed}; nobody is asked until campaign.budget is raised"
    typer.echo(f"warning: {shown(told)}", err=True)


def _more(count: int, what: str) -> None:
    if count > _FIRST:
        typer.echo(f"  ... and {count - _FIRST} more {what}; --json lists them all")
