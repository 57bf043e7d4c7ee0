"""`prefloop track` and `prefloop ui`: the outputs in MLflow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json

if TYPE_CHECKING:
    from prefloop.tracking.tracker import Tracker


def track(params: ParamsFile = DEFAULT_PARAMS, as_json: AsJson = False) -> None:
    """Rebuild the MLflow runs from the outputs that are there; nothing is ever doubled.

    For runs that a DVC cache hit restored, or that could not be logged while they ran. With --params
    OUT/params.yaml the runs of `prefloop bench --out OUT`.

    Example: prefloop track
    """
    count, tracker = _track(params)
    if as_json:
        print_json({"runs": count, "uri": tracker.uri})
    else:
        typer.echo(f"{count} simulated runs are in {tracker.uri}")


def ui(
    params: ParamsFile = DEFAULT_PARAMS,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Track what is there, print the address of the curves by policy, then serve the MLflow UI (Ctrl-C ends it).

    Example: prefloop ui --port 5001
    """
    import subprocess

    from prefloop.tracking.ui import ui_command
    from prefloop.tracking.view import view_path

    _, tracker = _track(params)
    config = load(params).tracking
    typer.echo(f"curves over labels, by policy: http://{host}:{port}{view_path(tracker.experiment)}")
    raise typer.Exit(subprocess.run(ui_command(config, Path.cwd(), host, port), check=False).returncode)


def _track(path: Path) -> tuple[int, Tracker]:
    from prefloop.io.layout import Layout
    from prefloop.tracking.campaign import track_campaign
    from prefloop.tracking.comparison import track_all
    from prefloop.tracking.tracker import Tracker

    params = load(path)
    # A folder of `prefloop bench` holds its parameters beside its runs.
    is_bench = (path.parent / "runs").is_dir()
    layout = Layout.folder(path.parent) if is_bench else Layout.repository()
    tracker = Tracker(params.tracking, Path.cwd())
    keys = [(policy, seed) for policy in params.benchmark.policies for seed in params.benchmark.seeds]
    track_campaign(tracker, params.campaign, layout)
    return track_all(tracker, {key: layout.run(*key) for key in keys}, layout.report), tracker
