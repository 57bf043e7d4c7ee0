"""`prefloop init`: a folder for a labelling campaign of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli._common import AsJson, load, print_json
from cli._reading import ColumnsOption, VerdictsOption, said

if TYPE_CHECKING:
    from prefloop.data.readers.check_report import CheckReport


def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder to be made; missing or empty.")],
    data: Annotated[
        Path | None, typer.Option(help="Preference file, or a folder of shards; it is checked and copied.")
    ] = None,
    initial: Annotated[
        int | None, typer.Option(min=1, help="Comparisons in the first batch; default: by the size of the pool.")
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(min=1, help="Comparisons in each further batch; default: by the size of the pool."),
    ] = None,
    columns: ColumnsOption = None,
    verdicts: VerdictsOption = None,
    as_json: AsJson = False,
) -> None:
    """Make a campaign folder: parameters, an empty label log, a README of its own, git and DVC set up.

    Nothing is overwritten, and a file that cannot be used is refused before anything is written.

    Example: prefloop init campaign --data pairs.jsonl && cd campaign && prefloop campaign run
    """
    from prefloop.campaign.folder import (
        Sizes,
        campaign_changes,
        campaign_params,
        refuse_unusable,
        refuse_within,
        write_folder,
    )
    from prefloop.config import packaged_params, parse_params

    packaged = load(packaged_params())
    content = said(packaged.model_dump(mode="json")["data"], columns, verdicts)
    refuse_unusable(folder)
    if data is not None:
        refuse_within(folder, data)
    read = parse_params(packaged.model_dump(mode="json") | {"data": content}, "--columns, --verdicts")
    report = None if data is None else _checked(data, read)
    source = None if data is None else data.resolve()
    changes = campaign_changes(source, report, Sizes(initial, batch))
    changes |= {f"data.{key}": content[key] for key in ("columns", "verdicts") if columns or verdicts}
    write_folder(folder, campaign_params(changes), source)
    if as_json:
        print_json({"folder": str(folder), "parameters": changes, "data": _facts(report)})
    else:
        _tell(folder, report, changes)


def _checked(data: Path, params: Any) -> CheckReport:
    """The report of a file that can be used.

    Raises:
        DataError: it cannot; every problem is named.
    """
    from prefloop.data.readers import Meaning
    from prefloop.data.readers.check import check_file
    from prefloop.errors import DataError

    report = check_file(data, Meaning.of(params.data), show=0)
    for warning in report.warnings:
        typer.echo(f"warning: {warning}", err=True)
    if not report.ok:
        problems = "\n".join(str(problem) for problem in report.problems)
        more = f"\n... and {report.n_problems - len(report.problems)} problems more"
        raise DataError(
            problems
            + (more if report.n_problems > len(report.problems) else "")
            + f"\nnothing was written; prefloop data check {data} shows how the file is understood"
        )
    return report


def _facts(report: CheckReport | None) -> dict[str, Any] | None:
    from prefloop.campaign.folder import comparisons, has_answers

    if report is None:
        return None
    return {
        "comparisons": comparisons(report),
        "prompts": report.counts["prompts"],
        "answers": has_answers(report),
    }


def _tell(folder: Path, report: CheckReport | None, changes: dict[str, Any]) -> None:
    from prefloop.errors import shown

    facts, place = _facts(report), shown(folder)
    if facts is None:
        typer.echo(f"{place}: a campaign folder without data: put files into {place}/data/raw")
    else:
        typer.echo(f"{place}: a campaign on {facts['comparisons']} comparisons of {facts['prompts']} prompts")
        typer.echo(_of_answers(facts["answers"], changes["data.split.test"]))
    sizes = f"{changes['campaign.initial']} comparisons, then {changes['campaign.batch']} at a time"
    typer.echo(f"batches: {sizes}; a fifth of each is drawn at random, to measure (params.yaml, section campaign)")
    typer.echo(f"next: cd {place} && prefloop campaign run")


def _of_answers(answers: bool, test: float) -> str:
    if not answers:
        return "no labels stand in the data: all of it is the pool, and no test split is kept"
    kept = f"{test:.0%} of the prompts are kept for the test split" if test else "no test split is kept"
    return f"labels stand in the data: {kept}; prefloop labels import takes those of the pool into the log"
