"""`prefloop bench`: a comparison of policies on a file of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import AsJson, load, print_json, print_savings
from cli._reading import ColumnsOption, VerdictsOption

# Enough for a saving of a half to be seen nearly always; the demo's packaged parameters have fewer.
DEFAULT_SEEDS = 8


def bench(
    data: Annotated[Path, typer.Option(help="Preference file, or a folder of shards.")],
    out: Annotated[Path, typer.Option(help="Folder for everything that is made.")],
    policies: Annotated[
        str | None, typer.Option(help="Names from the section policies, with commas; the baselines are added.")
    ] = None,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="FILE.py:FUNCTION, a batch policy of your own, with ,KEY=VALUE parameters behind it; repeatable."
        ),
    ] = None,
    baselines: Annotated[
        bool, typer.Option(help="Add random, random_control, random_prompts and thinned, which need no model.")
    ] = True,
    target: Annotated[
        str | None,
        typer.Option(help="What the model is for: prompts (alike), pairs (as in the pool), or a file of prompts."),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(min=1, help="Number of seeds (0, 1, ...), each with a split of its own; default 8."),
    ] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Runs side by side; default: as many as cores.")] = None,
    rounds: Annotated[int | None, typer.Option(min=1, help="Rounds, the initial one included.")] = None,
    initial: Annotated[int | None, typer.Option(min=1, help="Random labels before the first choice.")] = None,
    batch: Annotated[int | None, typer.Option(min=1, help="Labels in each further round.")] = None,
    per_prompt: Annotated[
        str | None,
        typer.Option(help="Pairs acquired per prompt at most, for every policy: a number, unlimited or auto."),
    ] = None,
    ood: Annotated[Path | None, typer.Option(help="File for the out-of-distribution split.")] = None,
    where: Annotated[str | None, typer.Option(help="Only rows of --data with FIELD=VALUE.")] = None,
    ood_where: Annotated[
        str | None, typer.Option(help="Rows with FIELD=VALUE (of --ood, else of --data) are out of distribution.")
    ] = None,
    columns: ColumnsOption = None,
    verdicts: VerdictsOption = None,
    params: Annotated[Path | None, typer.Option(help="Parameter file; default: the packaged one.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare policies on a file of your own: prepare, embed, simulate, compare, all into --out.

    What is not given comes from the parameter file. Run again with the same --out, it resumes; the
    parameters in force are written to OUT/params.yaml, MLflow runs to OUT/mlflow.db.

    Example: prefloop bench --data pairs.jsonl.gz --out results --policies random,bal_pm
    Example: prefloop bench --data pairs.jsonl.gz --out results --policy my_policy.py:margin,gap=0.5
    """
    from cli._bench_run import bench_params
    from prefloop.acquisition.custom import add_policies
    from prefloop.config import packaged_params, parse_params
    from prefloop.io.layout import Layout
    from prefloop.pool.bench import bench as run_bench

    chosen = load(params or packaged_params())
    names = tuple(name.strip() for name in policies.split(",")) if policies else None
    if policy:
        content = chosen.model_dump(mode="json")
        names = (*(names or ()), *add_policies(content, policy))
        chosen = parse_params(content, "prefloop bench")
    effective = bench_params(
        chosen,
        out=out,
        data=data,
        ood=ood,
        where=where,
        ood_where=ood_where,
        per_prompt=per_prompt,
        target=target,
        baselines=baselines,
        columns=columns,
        verdicts=verdicts,
        changes={
            "policies": names,
            "seeds": seeds if seeds is not None or params is not None else DEFAULT_SEEDS,
            "rounds": rounds,
            "initial": initial,
            "batch": batch,
            "jobs": jobs,
        },
    )
    savings = run_bench(effective, Layout.folder(out.resolve()))
    if as_json:
        print_json(savings.model_dump(mode="json"))
    else:
        print_savings(savings, out / "report" / "report.md")
