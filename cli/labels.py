"""`prefloop labels`: verdicts for the current batch."""

from __future__ import annotations

from typing import Annotated

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json

app = typer.Typer(no_args_is_help=True, help="Give verdicts on the current batch.")


@app.callback()
def _group() -> None:
    """Give verdicts on the current batch."""


@app.command()
def oracle(
    params: ParamsFile = DEFAULT_PARAMS,
    limit: Annotated[int | None, typer.Option(min=1, help="Answer at most this many comparisons.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer the current batch from the hidden answers, as a simulated annotator.

    Exit code 4 when the batch is empty or wholly labelled. Then: dvc repro

    Example: dvc repro && prefloop labels oracle && dvc repro
    """
    from prefloop.campaign.rehearsal import answer_batch
    from prefloop.io.layout import Layout

    given = answer_batch(load(params), Layout.repository(), limit)
    if as_json:
        print_json(given)
    else:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(given["verdicts"].items()))
        typer.echo(f"round {given['round']}: {given['labels']} labels appended ({counts}); next: dvc repro")
