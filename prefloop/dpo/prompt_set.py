"""Prompts and texts as the stages after `prompts` read them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from prefloop.dpo.config import Evaluation, Run
from prefloop.errors import ConfigError, StateError
from prefloop.io.arrays import read_table
from prefloop.messages.message import Turns

log = logging.getLogger("prefloop")

POOL, TEST = "pool", "test"
TRAIN = "train"


@dataclass(frozen=True)
class PromptSet:
    """All prompts, those of the pool first.

    Attributes:
        ids, turns: of each prompt.
        pool, test: numbers of the prompts of each split.
    """

    ids: list[str]
    turns: list[Turns]
    pool: range
    test: range

    @cached_property
    def texts(self) -> list[str]:
        """Plain form of each prompt."""
        return [one.plain for one in self.turns]


def load_prompts(folder: Path) -> PromptSet:
    """Load what `write_prompts` wrote into `folder`.

    Raises:
        StateError: the table is missing or damaged.
    """
    _require(folder / "prompts.parquet")
    table = read_table(folder / "prompts.parquet", ["prompt_id", "prompt", "messages", "split"])
    splits = table["split"].to_pylist()
    pool = splits.count(POOL)
    if splits != [POOL] * pool + [TEST] * (len(splits) - pool):
        raise StateError(f"{folder / 'prompts.parquet'} is damaged (splits out of order): run its stage again")
    ids, texts, kept = (table[name].to_pylist() for name in ("prompt_id", "prompt", "messages"))
    return PromptSet(ids, list(map(Turns.load, texts, kept)), range(pool), range(pool, len(ids)))


def load_texts(folder: Path, split: str) -> list[str]:
    """Load the texts of one split, `train` or `test`, in the order of the table; perhaps none.

    Raises:
        StateError: the table is missing or damaged.
    """
    _require(folder / "texts.parquet")
    table = read_table(folder / "texts.parquet", ["text", "split"])
    pairs = zip(table["text"].to_pylist(), table["split"].to_pylist(), strict=True)
    return [text for text, part in pairs if part == split]


def _require(path: Path) -> None:
    if not path.is_file():
        raise StateError(f"{path} is missing: dvc repro dpo/dvc.yaml, or prefloop dpo run")


def check_counts(prompts: PromptSet, run: Run, evaluation: Evaluation) -> None:
    """Refuse what the prompts cannot meet, before anything is spent; fewer test prompts than wanted are all taken.

    Raises:
        ConfigError: fewer pool prompts than labels.
    """
    if run.budget > len(prompts.pool):
        count = len(prompts.pool)
        fitting = [f"run.batch {count // run.rounds}"] * (count >= run.rounds)
        fitting += [f"run.rounds {count // run.batch}"] * (count >= run.batch)
        raise ConfigError(
            f"run.batch * run.rounds = {run.batch} * {run.rounds} = {run.budget} labels, each on a prompt of its "
            f"own, from {count} pool prompts (the other {len(prompts.test)} are to test): lower run.batch or "
            f"run.rounds (--batch, --rounds){'; with the other as it is, at most ' * bool(fitting)}"
            f"{' or '.join(fitting)}, or add prompts"
        )
    if evaluation.prompts > len(prompts.test):
        log.info(
            "evaluation: on all %d test prompts, as there are no %d of them", len(prompts.test), evaluation.prompts
        )
