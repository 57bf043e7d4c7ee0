"""`prefloop report`: the comparison in the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import AsJson, print_json, print_savings


def report(
    folder: Annotated[Path, typer.Option(help="Folder of a comparison's report.")] = Path("data/report"),
    as_json: AsJson = False,
) -> None:
    """Print the table of policies with labels saved and interval, and where the full report lies.

    Example: prefloop report --folder results/report
    """
    from prefloop.report.results import read_savings

    savings = read_savings(folder / "savings.json")
    if as_json:
        print_json(savings.model_dump(mode="json"))
        return
    print_savings(savings, folder / "report.md")
