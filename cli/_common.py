"""Options and helpers that several commands share."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, overload

import typer

from prefloop.errors import shown

if TYPE_CHECKING:
    from rich.table import Table

    from prefloop.config import Params
    from prefloop.report.results import Savings
    from prefloop.section import Whole

ParamsFile = Annotated[Path, typer.Option("--params", help="Parameter file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines instead of a table.")]
DEFAULT_PARAMS = Path("params.yaml")
CASE = "Folder of a comparison, as --out of the command that made it; default: the repository's own."


def former(name: str, now: str, **about: Any) -> Any:
    """An option under the name that it had before: still understood, with a warning that says today's name."""

    def warn(value: Any) -> Any:
        if value is not None:
            typer.echo(f"warning: {name} is {now} now", err=True)
        return value

    return typer.Option(name, hidden=True, callback=warn, help=f"The former name of {now}.", **about)


Parameters = TypeVar("Parameters", bound="Whole")


@overload
def load(path: Path) -> Params: ...


@overload
def load(path: Path, whole: type[Parameters]) -> Parameters: ...


def load(path: Path, whole: type[Whole] | None = None) -> Whole:
    """Load parameters and set the process up for real work (logging, quiet libraries).

    Args:
        path: the file, whole or an overlay.
        whole: model of all of it; None is the core's.
    """
    from prefloop.config import Params, load_params
    from stages._main import configure_process

    configure_process()
    return load_params(path, whole or Params)


def whole_of(path: Path) -> type[Whole]:
    """Model of a parameter file, by the sections that it has: the core's, or active DPO's."""
    from prefloop.config import Params
    from prefloop.config.load import read_yaml
    from prefloop.dpo.config import DpoParams, is_dpo

    return DpoParams if is_dpo(read_yaml(path)) else Params


def dumped(params: Whole) -> str:
    """Parameters in force as YAML, every key of them."""
    import yaml

    return str(yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False, allow_unicode=True))


def beside(uri: str, out: Path) -> str:
    """A tracking URI whose relative SQLite file lies in the comparison's folder, wherever one stands."""
    prefix = "sqlite:///"
    if uri.startswith(prefix) and not uri.startswith(prefix + "/"):
        return prefix + str(out.resolve() / uri.removeprefix(prefix))
    return uri


def print_json(value: Any) -> None:
    """Print one JSON document on stdout."""
    json.dump(value, sys.stdout, indent=1, ensure_ascii=False, allow_nan=False)
    sys.stdout.write("\n")


def print_savings(savings: Savings, report: Path) -> None:
    """Print a comparison's tables on stdout, and where its report lies."""
    from prefloop.report.terminal import outcomes_table, terminal_table

    second = outcomes_table(savings)
    print_report([terminal_table(savings)] + ([second] if second is not None else []), report)


def print_report(tables: list[Table], report: Path) -> None:
    """Print tables on stdout, and where the whole report lies."""
    from rich.console import Console

    # Not on a terminal: as wide as the tables need, so that logs and pipes keep whole lines.
    console = Console(width=None if sys.stdout.isatty() else 170)
    for table in tables:
        console.print(table)
    typer.echo(f"report: {shown(report)}")


def print_table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    """Print a table on stdout."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(shown(title), style="italic"), title_justify="left")
    for column in columns:
        table.add_column(Text(shown(column)), overflow="fold")
    for row in rows:
        # Text, because square brackets would be read as markup.
        table.add_row(*(Text(shown(cell)) for cell in row))
    Console().print(table)
