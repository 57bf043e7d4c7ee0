"""`prefloop params`: a parameter file whole, with what it extends."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import dumped, load, whole_of


def params(
    file: Annotated[Path, typer.Argument(help="Parameter file, for instance one of docs/presets.")],
    out: Annotated[Path | None, typer.Option(help="File to write, for instance params.yaml.")] = None,
) -> None:
    """Print the parameters in force with a file, every key of them: DVC reads params.yaml as it stands there.

    A preset holds only what differs from the packaged file. In a clone of the repository that is params.yaml
    (or dpo/params.yaml) as it stands: put it back (git checkout params.yaml) before you take another preset.

    Example: prefloop params docs/presets/paper.yaml --out params.yaml
    """
    from prefloop.io.atomic import write_text

    text = dumped(load(file, whole_of(file)))
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_text(out, text)
