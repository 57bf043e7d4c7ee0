"""`prefloop rewardbench`: a trained ensemble on a local RewardBench file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import DEFAULT_PARAMS, AsJson, load, print_json, print_table


def rewardbench(
    file: Annotated[Path, typer.Argument(help="RewardBench 1 or 2, whatever its container.")],
    model: Annotated[Path, typer.Option(help="Weights of a trained ensemble.")] = Path(
        "data/campaign/model.safetensors"
    ),
    out: Annotated[
        Path | None, typer.Option(help="JSON file for the scores and the rewards of every row.")
    ] = None,
    params: Annotated[
        Path | None,
        typer.Option(help="Parameter file (section embed); default: params.yaml, else the packaged one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score an ensemble on RewardBench: accuracy by subset and section, and RewardBench 2's rule for ties.

    The completions are embedded with the encoder that the ensemble was trained with; nothing is fetched
    from the network. Exit code 3 when the ensemble is untrained.

    Example: prefloop rewardbench reward-bench-2.parquet --model results/runs/bal_pm/0/model.safetensors
    """
    from prefloop.config import packaged_params
    from prefloop.errors import ConfigError
    from prefloop.evaluation.rewardbench.run import row_results, score_file, summary, table
    from prefloop.io.json import write_json
    from prefloop.io.layout import Layout

    if out is not None and out.is_dir():
        raise ConfigError(f"--out: {out} is a folder, expected the name of a file to write")
    chosen = load(params or (DEFAULT_PARAMS if DEFAULT_PARAMS.is_file() else packaged_params()))
    # A cache apart from that of the stage embed, whose vectors must depend on its own inputs alone.
    cache = Layout.repository().state / "rewardbench"
    result, items = score_file(file, model, chosen.embed, cache)
    scores = {"file": file.name, "model": str(model), **summary(result)}
    if out is not None:
        write_json(out, {**scores, "results": row_results(result, items)})
    if as_json:
        print_json(scores)
        return
    columns = ["subset", "rows", "accuracy", "uncertainty"]
    print_table(f"RewardBench {result.version}: {file.name}", columns, table(result))
