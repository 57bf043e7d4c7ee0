"""`prefloop labels`: verdicts for the label log, on the current batch, from files, or from the data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli import _label_files
from cli._common import DEFAULT_PARAMS, AsJson, ParamsFile, load, print_json, print_table
from cli._serving import HOST, PORT, Annotators, Host, Origins, Port
from prefloop.errors import ConfigError

app = typer.Typer(no_args_is_help=True, help="Put verdicts into the label log.")
app.command("export")(_label_files.export)
annotator = typer.Typer(no_args_is_help=True, help="Who may label, by name; tokens are shown once and not kept.")
app.add_typer(annotator, name="annotator")


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
    its format is told by its content. All of it is taken or, where a row is wrong, nothing. Its labels cost what
    campaign.cost says; a budget that they pass is a warning. Without FILE: each vote that the data have on the
    pool, as one line with source data:FILE, for nothing. Then: dvc repro

    Example: prefloop labels import batch.xlsx --annotator ann
    Example: dvc repro prepare && prefloop labels import && dvc repro
    """
    if file is not None:
        _label_files.import_labels(file, load(params), annotator, replace, dry_run, as_json)
        return
    if annotator is not None or replace or dry_run:
        raise ConfigError("--annotator, --replace and --dry-run are about a FILE: give one")
    _import_votes(params, as_json)


def _import_votes(params: Path, as_json: bool) -> None:
    from collections import Counter

    from prefloop.io.layout import Layout
    from prefloop.labels.disputes import Disputes
    from prefloop.labels.table import current_labels
    from prefloop.oracle.votes import import_votes

    chosen, layout = load(params), Layout.repository()
    done = import_votes(chosen, layout)
    disputes = Disputes.of(current_labels(layout.labels, layout.label_table).pairs)
    verdicts = dict(sorted(Counter(label.verdict for label in done.labels).items()))
    pairs = len({label.pair_id for label in done.labels})
    if as_json:
        counts = {"labels": len(done.labels), "pairs": pairs, "verdicts": verdicts}
        print_json(
            {**counts, "standing": done.standing, "outside": done.outside, "disputed": disputes.pairs}
            | {"disputed_undecided": disputes.undecided}
        )
    else:
        said = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.items()) or "none"
        typer.echo(
            f"{len(done.labels)} labels of {pairs} pairs appended ({said}); {done.standing} stood in the log, "
            f"{done.outside} are outside the pool; next: dvc repro"
        )
        if told := disputes.told(chosen.labels.aggregate):
            typer.echo(told)


@app.command()
def serve(
    params: ParamsFile = DEFAULT_PARAMS,
    host: Host = HOST,
    port: Port = PORT,
    annotators: Annotators = None,
    origins: Origins = None,
) -> None:
    """Serve the labelling page and its JSON API for the current batch (Ctrl-C ends it).

    A verdict is in the label log before it is acknowledged. New batches are taken up as `dvc repro` writes them.
    Annotators are those of `prefloop labels annotator add`, and those given here.

    Example: prefloop labels serve --port 8400
    """
    from datetime import UTC, datetime

    from prefloop.campaign.status import StatusReader
    from prefloop.desk.people import People, parse_given
    from prefloop.errors import StateError
    from prefloop.io.layout import Layout
    from prefloop.page.serve import campaign_server, checked_origins, refuse_nobody, with_paths_from

    layout, parameters = Layout.repository(), load(params)
    people = People(layout.people, map(parse_given, annotators or ()))
    refuse_nobody(people)
    if not layout.batch.is_file():
        raise StateError(f"{layout.batch} is missing: run dvc repro evaluate acquire for the first batch")
    parameters, allowed = with_paths_from(parameters, params.parent), checked_origins(origins or ())
    reader = StatusReader(parameters, layout)
    with campaign_server(
        *(parameters, layout, people, host, port, allowed), lambda: reader.shared(datetime.now(UTC))
    ) as server:
        server.run(lambda url: typer.echo(f"labelling page: {url}"))


@annotator.command("add")
def add(
    name: Annotated[str, typer.Argument(help="Name, as it stands in the label log.")],
    admin: Annotated[bool, typer.Option("--admin", help="May see the campaign and decide conflicts.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make an annotator who lasts, and print the token; it is shown this once.

    Example: prefloop labels annotator add ann
    """
    from prefloop.config.load import read_yaml
    from prefloop.desk.people import add_person
    from prefloop.io.layout import Layout

    read_yaml(DEFAULT_PARAMS)  # elsewhere the token would open nothing
    token = add_person(Layout.repository().people, name, "admin" if admin else "annotator")
    if as_json:
        print_json({"name": name, "role": "admin" if admin else "annotator", "token": token})
    else:
        typer.echo(token)


@annotator.command("list")
def list_(as_json: AsJson = False) -> None:
    """Who may label.

    Example: prefloop labels annotator list
    """
    from prefloop.desk.people import read_people
    from prefloop.io.layout import Layout

    people = read_people(Layout.repository().people)
    if as_json:
        print_json([{"name": person.name, "role": person.role} for person in people])
    else:
        print_table("annotators", ["name", "role"], [[person.name, person.role] for person in people])


@annotator.command("remove")
def remove(name: Annotated[str, typer.Argument(help="Name of an annotator.")]) -> None:
    """Take an annotator's token back; a running server refuses it from then on. What they said stays in the log.

    Example: prefloop labels annotator remove ann
    """
    from prefloop.desk.people import remove_person
    from prefloop.io.layout import Layout

    remove_person(Layout.repository().people, name)
    typer.echo(f"{name} may no longer label")
