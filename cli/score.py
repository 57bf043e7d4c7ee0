"""`prefloop score`: rewards and uncertainties of new pairs and responses."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli._common import AsJson, print_json
from cli._reading import ColumnsOption, VerdictsOption, params_or_packaged, with_options
from prefloop.errors import shown


def score(
    file: Annotated[Path, typer.Argument(help="A preference file, in any form that data check reads.")],
    out: Annotated[Path, typer.Option(help="File to write: .parquet, .jsonl or .jsonl.gz.")],
    model: Annotated[Path, typer.Option(help="Weights of a trained model.")] = Path(
        "data/campaign/model.safetensors"
    ),
    columns: ColumnsOption = None,
    verdicts: VerdictsOption = None,
    where: Annotated[str | None, typer.Option(help="Only rows with FIELD=VALUE.")] = None,
    params: Annotated[
        Path | None, typer.Option(help="Parameter file; default: params.yaml, else the packaged one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score new pairs, or the responses to prompts: reward, its spread, and which of two is better.

    Rows keep their order and your own ids. Answers are embedded with the encoder that the model was trained with;
    nothing is fetched from the network. Exit code 3 when the model is untrained.

    Example: prefloop score new.jsonl --model data/campaign/model.safetensors --out scores.parquet
    """
    from prefloop.data.readers import Meaning, read_file
    from prefloop.exchange.files import check_ending
    from prefloop.exchange.scored import score_preferences
    from prefloop.io.layout import Layout

    check_ending(out)
    chosen = with_options(params_or_packaged(params), columns, verdicts)
    read = read_file(file, Meaning.of(chosen.data), where)
    # A cache apart from that of the stage embed, whose vectors must depend on its own inputs alone.
    told = score_preferences(read, model, chosen.embed, Layout.repository().state / "score", out)
    if as_json:
        print_json({"file": str(file), "model": str(model), "out": str(out), **told})
    else:
        left_out = sum(told["left_out"].values())
        typer.echo(
            f"{shown(out)}: {told['rows']} rows ({told['pairs']} pairs, {told['responses']} responses, "
            f"{left_out} left out)"
        )
