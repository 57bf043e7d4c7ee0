"""`prefloop dpo`: active DPO, the policy chooses which of its own completions to have compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import CASE, AsJson, former, load, print_json

app = typer.Typer(
    no_args_is_help=True, help="Active DPO: the policy chooses which of its own completions are compared."
)


# The name that the command had before.
alias = typer.Typer(no_args_is_help=True, help="The former name of `prefloop dpo`.")


@app.callback()
def _group() -> None:
    """Active DPO: the policy chooses which of its own completions are compared."""


@alias.callback()
def _former() -> None:
    """The former name of `prefloop dpo`."""
    typer.echo("prefloop align is named prefloop dpo now; the former name will go", err=True)


@app.command()
@alias.command()
def run(
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")],
    prompts: Annotated[
        Path | None, typer.Option(help="File of rows with a field prompt or text, whatever its container.")
    ] = None,
    model: Annotated[
        str | None, typer.Option(help="Start model: a folder or hub id of a causal language model.")
    ] = None,
    policies: Annotated[
        str | None, typer.Option(help="Names from the section policies, with commas; the reference is added.")
    ] = None,
    oracle: Annotated[
        str | None, typer.Option(help="Who labels: vader, textblob or coin; others in a file for --params.")
    ] = None,
    seeds: Annotated[int | None, typer.Option(min=1, help="Number of seeds (0, 1, ...).")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Labels in each round.")] = None,
    params: Annotated[Path | None, typer.Option(help="Parameter file; default: the packaged one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare policies: prompts, start model, rounds of write, choose, ask, train; all into --out.

    What is not given comes from the parameter file. With --model, it is used as it is. On a model or
    prompts of your own, say who labels: with --oracle, or in a file given by --params. Run again with
    the same --out, it resumes; the parameters in force are written to OUT/params.yaml, MLflow runs to
    OUT/mlflow.db, paid answers to OUT/verdicts.jsonl.

    Example: prefloop dpo run --out results --model MODEL --prompts prompts.jsonl --params mine.yaml
    """
    from cli._dpo_run import dpo_params
    from prefloop.config import packaged_params
    from prefloop.dpo.bench import bench
    from prefloop.dpo.config import DpoParams
    from prefloop.dpo.layout import DpoLayout
    from prefloop.judges.build import name_oracle

    given = load(params or packaged_params(DpoParams), DpoParams)
    options = [option for option, value in (("--model", model), ("--prompts", prompts)) if value is not None]
    named = name_oracle(oracle, given.oracle, options=options, from_file=params is not None)
    names = tuple(name.strip() for name in policies.split(",")) if policies else None
    effective = dpo_params(
        given.model_copy(update={"oracle": named}),
        out=out,
        prompts=prompts,
        model=model,
        changes={"policies": names, "seeds": seeds, "rounds": rounds, "batch": batch},
    )
    bench(effective, DpoLayout.folder(out.resolve()))
    _show(out / "report", as_json)


@app.command()
@alias.command()
def report(
    out: Annotated[Path, typer.Option(help=CASE)] = Path("data/dpo"),
    folder: Annotated[Path | None, former("--folder", "--out (the folder that has report/)")] = None,
    as_json: AsJson = False,
) -> None:
    """Print the table of policies: win rates, labels to match the reference, KL, length.

    Example: prefloop dpo report --out results
    """
    _show(folder or out / "report", as_json)


def _show(folder: Path, as_json: bool) -> None:
    from prefloop.dpo.report.results import read_comparison
    from prefloop.dpo.report.terminal import terminal_table

    comparison = read_comparison(folder / "comparison.json")
    if as_json:
        print_json(comparison.model_dump(mode="json"))
        return
    from cli._common import print_report

    print_report([terminal_table(comparison)], folder / "report.md")
