"""`prefloop track` and `prefloop ui`: the outputs in MLflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json, whole_of

if TYPE_CHECKING:
    from prefloop.config.shared import Runs, Tracking
    from prefloop.io.layout import Runs as Outputs
    from prefloop.tracking.tracker import Tracker

L = TypeVar("L", bound="Outputs")


def track(params: ParamsFile = DEFAULT_PARAMS, as_json: AsJson = False) -> None:
    """Rebuild the MLflow runs from the outputs that are there; nothing is ever doubled.

    For runs that a DVC cache hit restored, or that could not be logged while they ran. With --params
    OUT/params.yaml the runs of `prefloop bench --out OUT` or `prefloop dpo run --out OUT`.

    Example: prefloop track
    """
    tracked = _track(params)
    count = sum(one.runs for one in tracked)
    if as_json:
        print_json({"runs": count, "uri": tracked[0].tracker.uri})
    else:
        typer.echo(f"{count} runs are in {', '.join(sorted({one.tracker.uri for one in tracked}))}")


def ui(
    params: ParamsFile = DEFAULT_PARAMS,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port to listen on.")] = 5000,
) -> None:
    """Track what is there and serve the MLflow UI; its address is printed once it answers (Ctrl-C ends it).

    Example: prefloop ui --port 5001
    """
    from prefloop.tracking.store import ui_command
    from prefloop.tracking.ui import check_free, serve
    from prefloop.tracking.view import view_path

    check_free(host, port)
    tracked = _track(params)
    served = [one for one in tracked if one.tracker.uri == tracked[0].tracker.uri]

    def tell(address: str) -> None:
        for one in [one for one in served if one.runs] or served[:1]:
            view = view_path(one.tracker.experiment)
            typer.echo(f"curves over labels, by policy ({one.config.experiment}): {address}{view}")

    command = ui_command(tracked[0].config, Path.cwd(), host, port)
    raise typer.Exit(serve(command, host, port, tell))


@dataclass(frozen=True)
class Tracked:
    """Where runs went."""

    runs: int
    config: Tracking
    tracker: Tracker


def _track(path: Path) -> list[Tracked]:
    """Track what the parameter file speaks of; beside the repository's own also its active DPO, if it has run."""
    from prefloop.dpo.config import DpoParams

    if whole_of(path) is DpoParams:
        return [_track_dpo(path)]
    tracked = [_track_core(path)]
    dpo = Path("dpo/params.yaml")
    if path == DEFAULT_PARAMS and dpo.is_file() and any(Path("data/dpo/runs").glob("*/*/run.json")):
        tracked.append(_track_dpo(dpo))
    return tracked


def _track_core(path: Path) -> Tracked:
    from prefloop.io.layout import Layout
    from prefloop.tracking.campaign import track_campaign
    from prefloop.tracking.savings import SAVINGS
    from prefloop.tracking.tracker import Tracker

    params, layout = load(path), _layout(Layout, path)
    tracker = Tracker(params.tracking, Path.cwd())
    track_campaign(tracker, params, layout, datetime.now(UTC))
    count = SAVINGS.track_all(tracker, layout.report, _folders(layout, params.benchmark))
    return Tracked(count, params.tracking, tracker)


def _track_dpo(path: Path) -> Tracked:
    from prefloop.dpo.config import DpoParams
    from prefloop.dpo.layout import DpoLayout
    from prefloop.tracking.dpo_comparison import DPO_COMPARISON
    from prefloop.tracking.tracker import Tracker

    params, layout = load(path, DpoParams), _layout(DpoLayout, path)
    tracker = Tracker(params.tracking, Path.cwd())
    count = DPO_COMPARISON.track_all(tracker, layout.report, _folders(layout, params.run))
    return Tracked(count, params.tracking, tracker)


def _layout(layout: type[L], path: Path) -> L:
    """Where the outputs of a parameter file lie: one that `bench` or `dpo run` wrote is beside its runs."""
    return layout.folder(path.parent) if (path.parent / "runs").is_dir() else layout.repository()


def _folders(layout: Outputs, runs: Runs) -> dict[tuple[str, int], Path]:
    return {(policy, seed): layout.run(policy, seed) for policy in runs.policies for seed in runs.seeds}
