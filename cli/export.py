"""`prefloop export`: what was labelled, as a preference data set for training."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli._common import AsJson, former, print_json
from prefloop.errors import ConfigError, StateError, shown
from prefloop.exchange.form import Form

if TYPE_CHECKING:
    import pyarrow as pa

    from prefloop.desk.budget import Budget
    from prefloop.exchange.acquired import Acquired
    from prefloop.io.layout import Layout


def export(
    out: Annotated[Path, typer.Option(help="File to write: .parquet, .jsonl or .jsonl.gz.")],
    run: Annotated[Path | None, typer.Option(help="Folder of a simulated run: runs/POLICY/SEED.")] = None,
    labels: Annotated[
        Path | None, typer.Option(help="Label log of a campaign; default: the one of this folder.")
    ] = None,
    form: Annotated[
        Form,
        typer.Option(
            "--format",
            help="ultrafeedback: the prompt as a text, whole conversations as chosen and rejected. "
            "trl: the prompt as messages, which TRL takes as it is.",
        ),
    ] = Form.ultrafeedback,
    votes: Annotated[bool, typer.Option("--votes", help="Add every vote of each pair (with --labels).")] = False,
    names: Annotated[
        bool, typer.Option("--names", help="Name annotators as the log does, instead of by pseudonyms.")
    ] = False,
    ties: Annotated[
        bool, typer.Option("--ties", help="Write pairs without a winner too, told apart by a column label.")
    ] = False,
    card: Annotated[bool, typer.Option(help="Write a data card beside the file (with --labels).")] = True,
    licence: Annotated[str | None, typer.Option(help="Licence of the texts, for the card.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many labels.")] = None,
    prepared: Annotated[
        Path | None,
        typer.Option(help="Folder of the prepared tables; default: prepared/ beside runs/ or labels/."),
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="Parameter file, by which the card counts work; default: the campaign's, if there."),
    ] = None,
    budget: Annotated[int | None, former("--budget", "--limit", min=1)] = None,
    data: Annotated[Path | None, former("--data", "--prepared")] = None,
    as_json: AsJson = False,
) -> None:
    """Write what was labelled as a preference data set: prompt, chosen, rejected, models, scores, source.

    Of a campaign also soft labels, margins, counts of votes, and how each pair was chosen; and README.md, a data
    card. Rows are in order of acquisition. Comparisons without a winner (tie, both_bad, skip, no majority)
    have no chosen answer: they are left out and counted. Exit code 3 when none has a winner.

    Example: prefloop export --run data/runs/bal_pm/0 --format trl --out acquired.parquet
    Example: prefloop export --votes --out set/acquired.parquet
    """
    from prefloop.exchange.dataset import write_preferences
    from prefloop.exchange.files import check_ending
    from stages._main import configure_process

    configure_process()
    check_ending(out)
    wanted = _Wanted(votes, names, ties, licence, params, limit or budget)
    source = _source(run, labels, prepared or data, wanted)
    counts = write_preferences(source.acquired, source.prepared, out, form, with_ties=ties)
    written = _write_card(out, counts, source, wanted) if card and source.log is not None else None
    if as_json:
        told = {"out": str(out), "format": form.value, **counts}
        print_json(told if written is None else told | {"card": str(written)})
    else:
        typer.echo(
            f"{shown(out)}: {counts['rows']} rows ({counts['prompts']} prompts) of {counts['labels']} labels"
            + ("" if written is None else f"; data card: {shown(written)}")
        )


@dataclass(frozen=True)
class _Wanted:
    votes: bool
    names: bool
    ties: bool
    licence: str | None
    params: Path | None
    limit: int | None


@dataclass(frozen=True)
class _Log:
    lines: pa.Table
    issued: pa.Table | None
    name: Callable[[str], str]
    budget: Budget | None


@dataclass(frozen=True)
class _Source:
    acquired: Acquired
    prepared: Path
    log: _Log | None


def _source(run: Path | None, labels: Path | None, given_tables: Path | None, wanted: _Wanted) -> _Source:
    from prefloop.exchange.acquired import acquired_by_run
    from prefloop.io.layout import Layout

    if run is not None and labels is None:
        if wanted.votes or wanted.names or wanted.ties or (wanted.licence or wanted.params) is not None:
            raise ConfigError(
                "--votes, --names, --ties, --licence and --params are about a campaign: give --labels"
            )
        return _Source(
            acquired_by_run(run).first(wanted.limit), given_tables or _prepared_beside(run / "../../.."), None
        )
    if run is not None:
        raise ConfigError("give one of --run FOLDER (a simulated run) and --labels FILE (a campaign's log)")
    labels = labels or Layout.repository().labels
    if not labels.is_file():
        raise StateError(
            f"{labels} is missing: give --labels FILE (a campaign's log) or --run FOLDER (a simulated run)"
        )
    return _campaign(labels, given_tables or _prepared_beside(labels / "../.."), wanted)


def _campaign(labels: Path, prepared: Path, wanted: _Wanted) -> _Source:
    from prefloop.campaign.issued import read_issued
    from prefloop.data.prepared import load_prepared
    from prefloop.exchange.acquired import acquired_by_labels
    from prefloop.exchange.details import Details
    from prefloop.exchange.people import pseudonyms
    from prefloop.labels.log import LabelLog
    from prefloop.labels.table import current_labels

    layout = _beside(labels / "../..")
    table = current_labels(labels, layout.label_table)
    name = str if wanted.names else pseudonyms(layout.data / ".prefloop-pseudonyms")
    issued = read_issued(layout.issued)
    # What has come since the table was read is left for the next time.
    lines = LabelLog(labels).read_on().lines.slice(0, table.lines)
    log = _Log(
        lines, issued, name, _budget(wanted.params, Path(os.path.normpath(labels / "../../../params.yaml")))
    )
    details = Details(table.pairs, log.lines, issued, name if wanted.votes else None)
    acquired = acquired_by_labels(table, load_prepared(prepared), details).first(wanted.limit)
    return _Source(acquired, prepared, log)


def _budget(given: Path | None, usual: Path) -> Budget | None:
    """Limits and prices of the campaign; None where no parameters are given, and none lie at the usual place."""
    from prefloop.config import load_params
    from prefloop.desk.budget import Budget

    return Budget.of(load_params(given or usual)) if given is not None or usual.is_file() else None


def _write_card(out: Path, counts: dict[str, int], source: _Source, wanted: _Wanted) -> Path:
    from prefloop.exchange.card import Facts, card_path, write_card

    path, log, acquired = card_path(out), source.log, source.acquired
    assert log is not None
    exported = acquired.rows(with_ties=wanted.ties)["pair_id"].to_pylist()
    facts = Facts(
        *(out, counts, acquired.pair_ids(), exported, wanted.limit is not None),
        *(log.lines, log.budget, log.issued, log.name, wanted.licence),
    )
    write_card(path, facts)
    return path


def _beside(root: Path) -> Layout:
    from prefloop.io.layout import Layout

    return Layout.folder(Path(os.path.normpath(root)))


def _prepared_beside(root: Path) -> Path:
    prepared = _beside(root).prepared
    if not prepared.is_dir():
        raise StateError(
            f"{prepared} is missing: make it (dvc repro prepare, or prefloop campaign run), or give the folder of "
            "the prepared tables with --prepared"
        )
    return prepared
