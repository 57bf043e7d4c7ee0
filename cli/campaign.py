"""`prefloop campaign`: a labelling campaign in the current folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._common import DEFAULT_PARAMS, AsJson, print_json, print_table
from cli._serving import HOST, PORT, Annotators, Host, Origins, Port

if TYPE_CHECKING:
    from prefloop.campaign.rounds import RoundFailed
    from prefloop.campaign.running import Running
    from prefloop.config import Params
    from prefloop.desk.people import People
    from prefloop.io.layout import Layout

app = typer.Typer(no_args_is_help=True, help="Run a labelling campaign.")


@app.callback()
def _group() -> None:
    """Run a labelling campaign."""


@app.command()
def run(
    host: Host = HOST,
    port: Port = PORT,
    annotators: Annotators = None,
    origins: Origins = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
) -> None:
    """Serve the labelling page, and train and choose further comparisons while people label (Ctrl-C ends it).

    Rounds are those of dvc repro evaluate acquire, made whenever no more than campaign.buffer comparisons wait for
    their first answer.
    Ended or killed at any moment, it goes on where it was when it is run again. Where nobody may label yet, one
    is made: you, on this machine alone. Exit code 0; 4 where nothing was left to label or the budget was spent.

    Example: prefloop campaign run --open
    """
    from prefloop.campaign.rounds import Rounds
    from prefloop.campaign.running import running
    from prefloop.errors import EXIT_NOTHING_LEFT
    from prefloop.io.address import listening
    from prefloop.io.layout import Layout
    from prefloop.page.serve import checked_origins, with_paths_from

    layout, proxies = Layout.repository(), checked_origins(origins or ())
    params, renewed = _ready()
    people = _people(layout, annotators or [], host)
    with listening(host, port):
        pass  # a round takes minutes: where nothing can be served, say so before it
    if renewed or not layout.batch.is_file():
        typer.echo("making a round before the page is served", err=True)
        Rounds(layout, _to_stderr).make()
    parameters = with_paths_from(params, Path())
    with running(
        parameters, layout, people, Rounds(layout), _tell, host=host, port=port, origins=proxies
    ) as campaign:
        campaign.loop.start(at_once=True)
        campaign.server.run(lambda url: _announce(url, layout, people, open_))
        over = campaign.loop.look().is_over
    if over:
        raise typer.Exit(EXIT_NOTHING_LEFT)


@app.command()
def rehearse(
    out: Annotated[
        Path | None, typer.Option(help="Folder in which the rehearsed campaign is kept; default: nowhere.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Labels at most.")] = None,
    as_json: AsJson = False,
) -> None:
    """Rehearse the campaign with simulated people: what would it have cost, and brought?

    In a copy, from the first batch: people of section rehearsal ask the real server over HTTP, and answer from the
    hidden answers of the data. Prints labels, hours, money, agreement, and after each round the score on the clean
    answers of the test split, and beside it what the audit slice says of the score on people's votes.

    Example: prefloop campaign rehearse --limit 200
    """
    from tempfile import TemporaryDirectory

    from prefloop.campaign.rehearsal.rehearse import rehearse as rehearsed
    from prefloop.io.layout import Layout

    params, _ = _ready()
    text = DEFAULT_PARAMS.read_text(encoding="utf-8")
    with TemporaryDirectory(prefix="prefloop-rehearsal-") as temporary:
        folder = out or Path(temporary) / "campaign"
        told = rehearsed(params, text, Layout.repository(), folder.resolve(), limit, _to_stderr)
    if as_json:
        print_json(told)
    else:
        _print(told)


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


def _ready() -> tuple[Params, bool]:
    """The parameters of the campaign in this folder, and whether its copies had to be made up to date.

    Raises:
        ConfigError: there is no campaign here, or its parameters are wrong.
    """
    import signal

    from prefloop.campaign.graph import renew as renewed
    from prefloop.config import Params
    from prefloop.config.load import load_whole
    from prefloop.errors import ConfigError
    from stages._main import configure_process

    configure_process()
    # Until the page is served, whoever ends this ends it as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not DEFAULT_PARAMS.is_file():
        raise ConfigError(f"{DEFAULT_PARAMS} is missing: run it in a folder that prefloop init made")
    params, changed = load_whole(DEFAULT_PARAMS, Params), renewed(Path())
    if changed:
        typer.echo(f"another prefloop is installed: renewed {', '.join(changed)}", err=True)
    return params, bool(changed)


def _people(layout: Layout, given: list[str], host: str) -> People:
    """Who may label; where others than this machine can reach the page, somebody."""
    from prefloop.desk.people import People, parse_given
    from prefloop.page.serve import is_loopback, refuse_nobody

    people = People(layout.people, map(parse_given, given))
    if not is_loopback(host):
        refuse_nobody(people)
    return people


def _user() -> str:
    """The name of who runs this, where it can stand in the log."""
    import getpass

    from prefloop.desk.people import checked_name
    from prefloop.errors import ConfigError

    try:
        return checked_name(getpass.getuser())
    except (KeyError, OSError, ImportError, ConfigError):
        return "me"


def _announce(url: str, layout: Layout, people: People, open_: bool) -> None:
    """Tell the address of a page that answers, and of the one who is made where nobody may label: the token."""
    import threading
    import webbrowser

    from prefloop.desk.people import add_person, remove_person

    if people.everybody():
        address = url
        typer.echo(f"labelling page: {address}")
    else:
        user = _user()
        address = f"{url}/login#token={add_person(layout.people, user, 'admin')}"
        try:
            typer.echo(f"labelling page: {address}")
        except BaseException:  # a token that nobody has seen would keep the next run from making one
            remove_person(layout.people, user)
            raise
        typer.echo(f"who has this address labels as {user}; others: prefloop labels annotator add NAME", err=True)
    if open_:
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _tell(campaign: Running, failure: RoundFailed | None) -> None:
    from prefloop.errors import shown

    if failure is not None:
        lines = "\n".join(map(shown, str(failure).split("\n")))
        typer.echo(f"a round failed, and is tried again; labelling goes on: {lines}", err=True)
    else:
        typer.echo(_row(campaign.status()))


def _row(status: dict[str, Any]) -> str:
    """One line of what a campaign has cost and brought."""
    from prefloop.errors import shown

    spend, labels = status["spend"], f"{status['labels']} labels on {status['pairs']['labelled']} pairs"
    cost = f"{spend['money']:g} {spend['currency']}, {spend['hours']:.1f} h"
    number = "-" if status["round"] is None else status["round"]
    said = f"round {number:>3} | {labels:<28} | {cost:<20} | {status['waiting']:>4} wanted"
    return shown(f"{said} | {status['advice']['sentence']}")


_TARGETS = (
    "clean test: hidden answers of the test split, free of noise, ties left out; votes (audit): an estimate of "
    "what people say of new pairs, their errors included, a tie as half a vote each way. So the second is lower "
    "by the noise of the votes, even for a perfect model"
)


def _print(told: dict[str, Any]) -> None:
    """A rehearsal for people."""
    names = {
        "labels": "labels",
        "pairs": "pairs",
        "money": told["status"]["spend"]["currency"],
        "hours": "hours",
        "test_log_likelihood": "score, clean test",
        "test_accuracy": "accuracy, clean test",
        "estimate": "score, votes (audit)",
    }
    rows = [[_cell(row[name]) for name in names] for row in told["rounds"]]
    print_table("After each round; scores are log-likelihoods, nats", list(names.values()), rows)
    typer.echo(_TARGETS)
    why = {
        "done": "the pool is used up",
        "budget": "the budget is spent",
        "left": "everybody has left",
        "stuck": "what waits wants further people (campaign.annotators_per_pair)",
    }
    spend, agreement = told["status"]["spend"], told["status"]["agreement"]["all"]
    typer.echo(f"it ended because {why[told['ended']]}, after {told['elapsed_hours']:.1f} hours")
    typer.echo(
        f"{spend['labels']} labels, {spend['money']:g} {spend['currency']}, {spend['hours']:.1f} hours of work"
    )
    if agreement["raw"] is not None:
        typer.echo(f"agreement {agreement['raw']:.0%} of the pairs of votes, on {agreement['pairs']} pairs")
    typer.echo(told["status"]["advice"]["sentence"])


def _cell(value: Any) -> str:
    """A number, or an estimate with its interval."""
    if isinstance(value, dict):
        return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
    return "-" if value is None else f"{value:g}" if isinstance(value, int) else f"{value:.3f}"


def _to_stderr(line: str) -> None:
    typer.echo(line, err=True)
