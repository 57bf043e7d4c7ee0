"""`prefloop data`: looking at preference files before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._common import AsJson, print_json, print_table
from cli._reading import ColumnsOption, VerdictsOption, params_or_packaged, with_options
from prefloop.errors import EXIT_FAILED

if TYPE_CHECKING:
    from prefloop.data.readers.check_report import CheckReport

app = typer.Typer(no_args_is_help=True, help="Check preference files.")
_LONGEST = 600


@app.callback()
def _group() -> None:
    """Check preference files."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A preference file, or a folder of shards.")],
    columns: ColumnsOption = None,
    verdicts: VerdictsOption = None,
    where: Annotated[str | None, typer.Option(help="Only rows with FIELD=VALUE.")] = None,
    show: Annotated[int, typer.Option(min=0, help="Records to show as they will be used.")] = 2,
    params: Annotated[
        Path | None, typer.Option(help="Parameter file; default: params.yaml, else the packaged one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Report how a file is understood, its counts, warnings and all its problems; exit 1 if there are any.

    Example: prefloop data check data/raw/pairs.jsonl.gz
    Example: prefloop data check votes.csv --columns "prompt=task,label=best" --verdicts "1=a,2=b"
    """
    from prefloop.data.readers import Meaning
    from prefloop.data.readers.check import check_file

    chosen = with_options(params_or_packaged(params), columns, verdicts)
    report = check_file(file, Meaning.of(chosen.data), where, show, split=chosen.data.split)
    if as_json:
        print_json(report.to_json())
    else:
        _print(report)
    if not report.ok:
        raise typer.Exit(EXIT_FAILED)


def _print(report: CheckReport) -> None:
    print_table("Preference file", ["", ""], report.to_table())
    if report.columns:
        used = [[name, meaning] for name, meaning in report.columns.items() if meaning is not None]
        print_table("Columns as understood", ["column", "meaning"], used + report.unused())
    for number, record in enumerate(report.records, start=1):
        print_table(f"Record {number} as it will be used", ["", ""], _rows(record))
    for warning in report.warnings:
        typer.echo(f"warning: {warning}")
    for problem in report.problems:
        typer.echo(str(problem))
    if report.n_problems > len(report.problems):
        typer.echo(f"... and {report.n_problems - len(report.problems)} problems more")


def _rows(record: dict[str, object]) -> list[list[str]]:
    from prefloop.data.readers.check_report import told

    return [[name, _short(text)] for name, text in told(record)]


def _short(text: str) -> str:
    """A text as far as a person reads it here."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
