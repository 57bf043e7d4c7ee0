"""`prefloop`: the commands, each in a file of its own, loaded when it is called."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from cli import (
    bench,
    campaign,
    data,
    doctor,
    dpo,
    export,
    init,
    labels,
    params,
    policies,
    report,
    rewardbench,
    score,
    state,
    status,
    track,
)
from prefloop.errors import exit_code_of

app = typer.Typer(
    name="prefloop",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Active preference learning: which comparisons are worth a label, and how many labels that saved.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong usage, 3 labels missing, 4 nothing left to label.",
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"prefloop {version('prefloop')}")
        raise typer.Exit


@app.callback()
def _prefloop(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Show the version and end.")
    ] = False,
) -> None:
    """Active preference learning: which comparisons are worth a label, and how many labels that saved."""


app.command()(init.init)
app.command()(policies.policies)
app.command()(params.params)
app.command()(bench.bench)
app.command()(status.status)
app.command()(report.report)
app.command()(export.export)
app.command()(rewardbench.rewardbench)
app.command()(score.score)
app.command()(track.track)
app.command()(track.ui)
app.command()(doctor.doctor)
app.add_typer(dpo.app, name="dpo")
app.add_typer(dpo.alias, name="align", hidden=True)
app.add_typer(data.app, name="data")
app.add_typer(labels.app, name="labels")
app.add_typer(campaign.app, name="campaign")
app.add_typer(state.app, name="state")


def main() -> None:
    """Run the command line; known failures end in one clear line and their exit code."""
    sys.exit(exit_code_of(app))


if __name__ == "__main__":
    main()
