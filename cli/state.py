"""`prefloop state`: what runs keep to resume from, and the removal of what is superseded."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import CASE, AsJson, print_json
from prefloop.errors import shown

app = typer.Typer(no_args_is_help=True, help="What runs keep to resume from.")

Out = Annotated[Path | None, typer.Option(help=CASE)]


@app.callback()
def _group() -> None:
    """What runs keep to resume from."""


@app.command("list")
def list_(out: Out = None, as_json: AsJson = False) -> None:
    """List the states of all runs: rounds, size, and what a superseded one has otherwise than the one in use.

    A changed parameter, input or declared version makes a new state; the former one stays, and is used again
    when its parameters come back.

    Example: prefloop state list --out results
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from prefloop.rounds.state import list_states

    states = list_states(_roots(out))
    if as_json:
        print_json([{**asdict(state), "workflow": str(state.workflow)} for state in states])
        return
    table = Table()
    for name in ("below", "policy", "seed", "state", "rounds", "MB", "changed", ""):
        table.add_column(name)
    for state in states:
        said = "in use" if state.in_use else "; ".join(state.differs[:3]) or "superseded"
        megabytes = f"{state.size / 1e6:.1f}"
        numbers = (state.fingerprint[:8], str(state.rounds), megabytes, state.changed)
        cells = (str(state.workflow), state.policy, state.seed, *numbers, said)
        table.add_row(*(Text(shown(cell)) for cell in cells))
    Console().print(table)
    old = [state for state in states if not state.in_use]
    typer.echo(f"{len(old)} of {len(states)} states superseded, {sum(s.size for s in old) / 1e6:.1f} MB")


@app.command()
def prune(out: Out = None, as_json: AsJson = False) -> None:
    """Remove the states that are superseded; those in use and all finished runs stay.

    Example: prefloop state prune --out results
    """
    from prefloop.rounds.state import list_states
    from prefloop.rounds.state import prune as remove

    old = [state for state in list_states(_roots(out)) if not state.in_use]
    freed = remove(old)
    if as_json:
        print_json({"removed": [str(state.folder) for state in old], "bytes": freed})
    else:
        typer.echo(f"{len(old)} superseded states removed, {freed / 1e6:.1f} MB freed")


def _roots(out: Path | None) -> list[Path]:
    if out is not None:
        return [out / ".prefloop" / "runs"]
    return [Path(".prefloop/runs"), Path(".prefloop/dpo/runs")]
