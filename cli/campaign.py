"""`prefloop campaign`: a labelling campaign in the current folder."""

from __future__ import annotations

from pathlib import Path

import typer

app = typer.Typer(no_args_is_help=True, help="Run a labelling campaign.")


@app.callback()
def _group() -> None:
    """Run a labelling campaign."""


@app.command()
def renew() -> None:
    """Bring a campaign folder's versions.yaml and dvc.yaml up to date with the prefloop that is installed.

    What is made otherwise now is made again by the next round; labels stay. `campaign run` does it by itself.

    Example: prefloop campaign renew && dvc repro
    """
    from prefloop.campaign.graph import COPY, is_campaign_folder
    from prefloop.campaign.graph import renew as renewed
    from prefloop.errors import ConfigError

    if not is_campaign_folder(Path()):
        raise ConfigError(f"there is no {COPY} here: run it in a folder that prefloop init made")
    changed = renewed(Path())
    typer.echo(f"renewed: {', '.join(changed)}; next: dvc repro" if changed else "everything is up to date")
