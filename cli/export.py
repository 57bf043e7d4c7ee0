"""`prefloop export`: what was labelled, as a preference data set for training."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._common import AsJson, former, print_json
from prefloop.errors import ConfigError, StateError, shown
from prefloop.exchange.form import Form

if TYPE_CHECKING:
    from prefloop.exchange.acquired import Acquired
    from prefloop.io.layout import Layout


def export(
    out: Annotated[Path, typer.Option(help="File to write: .parquet, .jsonl or .jsonl.gz.")],
    run: Annotated[Path | None, typer.Option(help="Folder of a simulated run: runs/POLICY/SEED.")] = None,
    labels: Annotated[Path | None, typer.Option(help="Label log of a campaign.")] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="ultrafeedback: the prompt as a text, whole conversations as chosen and rejected. "
            "trl: the prompt as messages, which TRL takes as it is.",
        ),
    ] = Form.ultrafeedback,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many labels.")] = None,
    prepared: Annotated[
        Path | None,
        typer.Option(help="Folder of the prepared tables; default: prepared/ beside runs/ or labels/."),
    ] = None,
    budget: Annotated[int | None, former("--budget", "--limit", min=1)] = None,
    data: Annotated[Path | None, former("--data", "--prepared")] = None,
    as_json: AsJson = False,
) -> None:
    """Write what was labelled as a preference data set: prompt, chosen, rejected, models, scores, source.

    Rows are in order of acquisition. Comparisons without a winner (tie, both_bad, skip, no majority)
    have no chosen answer: they are left out and counted. Exit code 3 when none has a winner.

    Example: prefloop export --run data/runs/bal_pm/0 --format trl --out acquired.parquet
    """
    from prefloop.exchange.dataset import write_preferences
    from prefloop.exchange.files import check_ending
    from stages._main import configure_process

    configure_process()
    check_ending(out)
    acquired, tables = _source(run, labels, prepared or data)
    counts = write_preferences(acquired.first(limit or budget), tables, out, form)
    if as_json:
        print_json({"out": str(out), "format": form.value, **counts})
    else:
        typer.echo(
            f"{shown(out)}: {counts['rows']} rows ({counts['prompts']} prompts) of {counts['labels']} labels"
        )


def _source(run: Path | None, labels: Path | None, given_tables: Path | None) -> tuple[Acquired, Path]:
    from prefloop.data.prepared import load_prepared
    from prefloop.exchange.acquired import acquired_by_labels, acquired_by_run
    from prefloop.labels.labelled import current_labels

    if run is not None and labels is None:
        return acquired_by_run(run), given_tables or _prepared_beside(run / "../../..")
    if labels is None or run is not None:
        raise ConfigError("give one of --run FOLDER (a simulated run) and --labels FILE (a campaign's log)")
    if not labels.is_file():
        raise StateError(f"{labels} is missing: give the label log of a campaign, data/labels/labels.jsonl")
    given = current_labels(labels, _beside(labels / "../..").label_table)
    prepared = given_tables or _prepared_beside(labels / "../..")
    return acquired_by_labels(given, load_prepared(prepared)), prepared


def _beside(root: Path) -> Layout:
    from prefloop.io.layout import Layout

    return Layout.folder(Path(os.path.normpath(root)))


def _prepared_beside(root: Path) -> Path:
    prepared = _beside(root).prepared
    if not prepared.is_dir():
        raise StateError(f"{prepared} is missing: give the folder of the prepared tables with --prepared")
    return prepared
