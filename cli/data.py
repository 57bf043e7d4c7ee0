"""`prefloop data`: looking at preference files before they are used."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import AsJson, print_json, print_table
from prefloop.errors import EXIT_FAILED

app = typer.Typer(no_args_is_help=True, help="Check preference files.")


@app.callback()
def _group() -> None:
    """Check preference files."""


@app.command()
def check(
    file: Annotated[Path, typer.Argument(help="A .jsonl, .jsonl.gz, .parquet or .csv file.")],
    where: Annotated[str | None, typer.Option(help="Only rows with FIELD=VALUE.")] = None,
    as_json: AsJson = False,
) -> None:
    """Report the form of a file, its counts and all its problems; exit 1 if there are any.

    Example: prefloop data check data/raw/pairs.jsonl.gz
    """
    from prefloop.data.readers.check import check_file

    report = check_file(file, where)
    if as_json:
        print_json(report.to_json())
    else:
        print_table("Preference file", ["", ""], [list(row) for row in report.to_table()])
        for problem in report.problems:
            typer.echo(problem)
    if not report.ok:
        raise typer.Exit(EXIT_FAILED)
