"""Prompts and texts as the stages after `prompts` read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from prefloop.errors import StateError
from prefloop.io.arrays import read_table

POOL, TEST = "pool", "test"
TRAIN = "train"


@dataclass(frozen=True)
class PromptSet:
    """All prompts, those of the pool first.

    Attributes:
        ids, texts: of each prompt.
        pool, test: numbers of the prompts of each split.
    """

    ids: list[str]
    texts: list[str]
    pool: range
    test: range


def load_prompts(folder: Path) -> PromptSet:
    """Load what `write_prompts` wrote into `folder`.

    Raises:
        StateError: the table is missing or damaged.
    """
    _require(folder / "prompts.parquet")
    table = read_table(folder / "prompts.parquet", ["prompt_id", "prompt", "split"])
    splits = table["split"].to_pylist()
    pool = splits.count(POOL)
    if splits != [POOL] * pool + [TEST] * (len(splits) - pool):
        raise StateError(f"{folder / 'prompts.parquet'} is damaged (splits out of order): run its stage again")
    ids, texts = table["prompt_id"].to_pylist(), table["prompt"].to_pylist()
    return PromptSet(ids, texts, range(pool), range(pool, len(ids)))


def load_texts(folder: Path, split: str) -> list[str]:
    """Load the texts of one split, `train` or `test`, in the order of the table; perhaps none.

    Raises:
        StateError: the table is missing or damaged.
    """
    _require(folder / "texts.parquet")
    table = read_table(folder / "texts.parquet", ["text", "split"])
    pairs = zip(table["text"].to_pylist(), table["split"].to_pylist(), strict=True)
    return [text for text, of in pairs if of == split]


def _require(path: Path) -> None:
    if not path.is_file():
        raise StateError(f"{path} is missing: dvc repro dpo/dvc.yaml, or prefloop dpo run")
