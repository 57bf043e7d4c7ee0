"""Settings and prepared tables for the tests of embedding."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from prefloop.config.data import Embed
from prefloop.data.tables import write_target
from prefloop.io.hashing import completion_id, prompt_id


def embed_config(model: Path | str, **changes: object) -> Embed:
    values: dict[str, object] = {
        "model": str(model), "revision": None, "pooling": "mean", "normalise": True, "max_length": 32,
        "template": "{prompt}\n{completion}", "batch_size": 4, "device": "cpu", "dtype": "float32",
    }  # fmt: skip
    return Embed.model_validate(values | changes)


def write_prepared(folder: Path, answers: dict[str, list[str]]) -> tuple[list[str], list[tuple[str, str]]]:
    """Write the two tables that embedding reads; return the prompts and (prompt, answer)s in row order."""
    folder.mkdir(parents=True, exist_ok=True)
    prompts = sorted(answers, key=prompt_id)
    rows = [
        (completion_id(prompt_id(prompt), text), prompt_id(prompt), text, prompt)
        for prompt in prompts
        for text in sorted(answers[prompt], key=lambda text: completion_id(prompt_id(prompt), text))
    ]
    nothing = pa.nulls(len(prompts), pa.string())
    pq.write_table(
        pa.table(
            {
                "prompt_id": [prompt_id(prompt) for prompt in prompts],
                "prompt": prompts,
                "messages": nothing,
                "normal_id": nothing,
                "split": ["auto"] * len(prompts),
            }
        ),
        folder / "prompts.parquet",
    )
    write_target([], folder)
    columns = {"completion_id": 0, "prompt_id": 1, "text": 2}
    pq.write_table(
        pa.table(
            {name: pa.array([row[at] for row in rows], pa.string()) for name, at in columns.items()}
            | {"messages": pa.nulls(len(rows), pa.string())}
        ),
        folder / "completions.parquet",
    )
    return prompts, [(row[3], row[2]) for row in rows]
