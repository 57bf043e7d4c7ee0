"""`prefloop report`: the comparison in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import CASE, AsJson, former, print_json, print_savings


def report(
    out: Annotated[Path, typer.Option(help=CASE)] = Path("data"),
    folder: Annotated[Path | None, former("--folder", "--out (the folder that has report/)")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the table of policies with labels saved and interval, and where the full report lies.

    Example: prefloop report --out results
    """
    from prefloop.report.results import read_savings

    report_folder = folder or out / "report"
    savings = read_savings(report_folder / "savings.json")
    if as_json:
        print_json(savings.model_dump(mode="json"))
        return
    print_savings(savings, report_folder / "report.md")
