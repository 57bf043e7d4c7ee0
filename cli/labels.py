"""`prefloop labels`: verdicts for the label log, on the current batch, from files, or from the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import _label_files
from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json
from prefloop.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Put verdicts into the label log.")
app.command("export")(_label_files.export)


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
    from prefloop.campaign.rehearsal import answer_batch
    from prefloop.io.layout import Layout

    given = answer_batch(load(params), Layout.repository(), limit)
    if as_json:
        print_json(given)
    else:
        counts = ", ".join(f"{count} {verdict}" for verdict, count in sorted(given["verdicts"].items()))
        typer.echo(f"round {given['round']}: {given['labels']} labels appended ({counts}); next: dvc repro")


@app.command("import")
def import_(
    file: Annotated[
        Path | None, typer.Argument(help="A label file that came back; without one, the labels of the data.")
    ] = None,
    annotator: Annotated[str | None, typer.Option(help="Whose the verdicts are that name nobody.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take a contradicting verdict as its annotator's newer word.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be appended.")] = False,
    params: ParamsFile = DEFAULT_PARAMS,
    as_json: AsJson = False,
) -> None:
    """Append verdicts to the label log, of a file or of the data; what is there already is left alone.

    FILE is what `labels export` wrote, filled in, an export of Label Studio or Potato, or lines of another log;
    its format is told by its content. All of it is taken or, where a row is wrong, nothing. Without FILE: each
    vote that the data have on the pool, as one line with source data:FILE. Then: dvc repro

    Example: prefloop labels import batch.xlsx --annotator ann
    Example: dvc repro prepare && prefloop labels import && dvc repro
    """
    if file is not None:
        _label_files.import_labels(file, annotator, replace, dry_run, as_json)
        return
    if annotator is not None or replace or dry_run:
        raise ConfigError("--annotator, --replace and --dry-run are about a FILE: give one")
    _import_votes(params, as_json)


def _import_votes(params: Path, as_json: bool) -> None:
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
