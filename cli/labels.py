"""`prefloop labels`: verdicts for the label log, on the current batch or from the data."""

from __future__ import annotations

from typing import Annotated

import typer

from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json

app = typer.Typer(no_args_is_help=True, help="Put verdicts into the label log.")


@app.callback()
def _group() -> None:
    """Put verdicts into the label log."""


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
    from prefloop.campaign.answering import answer_batch
    from prefloop.io.layout import Layout

    given = answer_batch(load(params), Layout.repository(), limit)
    if as_json:
        print_json(given)
    else:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(given["verdicts"].items()))
        typer.echo(f"round {given['round']}: {given['labels']} labels appended ({counts}); next: dvc repro")


@app.command("import")
def import_(params: ParamsFile = DEFAULT_PARAMS, as_json: AsJson = False) -> None:
    """Append the labels that the data have on the pool to the label log; what is there already is left alone.

    Each vote is one line, source data:FILE. Then: dvc repro

    Example: dvc repro prepare && prefloop labels import && dvc repro
    """
    from collections import Counter

    from prefloop.io.layout import Layout
    from prefloop.oracle.votes import import_votes

    done = import_votes(load(params), Layout.repository())
    verdicts = dict(sorted(Counter(label.verdict for label in done.labels).items()))
    pairs = len({label.pair_id for label in done.labels})
    if as_json:
        counts = {"labels": len(done.labels), "pairs": pairs, "verdicts": verdicts}
        print_json({**counts, "standing": done.standing, "outside": done.outside})
    else:
        said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "none"
        typer.echo(
            f"{len(done.labels)} labels of {pairs} pairs appended ({said}); {done.standing} stood in the log, "
            f"{done.outside} are outside the pool; next: dvc repro"
        )
