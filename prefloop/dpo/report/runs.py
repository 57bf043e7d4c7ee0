"""Finished runs of active DPO as arrays, checked to be comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.errors import StateError
from prefloop.io.arrays import read_table
from prefloop.io.json import read_json

# Columns of evaluation.parquet that are compared, and what they are called in the comparison.
SCORES = {"oracle": "win_oracle", "judge": "win_judge", "kl": "kl", "length": "length"}
_WINS = ("win_oracle", "win_judge")
_FILES = ("rounds.parquet", "evaluation.parquet", "run.json")

Key = tuple[str, int]


@dataclass(frozen=True)
class DpoRuns:
    """The runs of one comparison: every policy with every seed, on one grid of labels.

    Attributes:
        policies, seeds: in the configured order.
        info: run.json of each (policy, seed).
        rounds: rounds.parquet of all runs, one below the other, seed by seed within a policy.
        n_labels: int64 [R], labels after each round; round 0 is the start model.
        scores: name: float64 [P, S, R, Q], one number per test prompt; NaN where there is no verdict.
    """

    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    info: Mapping[Key, Mapping[str, Any]]
    rounds: pa.Table
    n_labels: np.ndarray
    scores: Mapping[str, np.ndarray]

    def column(self, name: str) -> np.ndarray:
        """A column of `rounds` as float64 [P, S, R]; null is NaN."""
        values = self.rounds[name].cast(pa.float64()).to_numpy(zero_copy_only=False)
        return values.reshape(len(self.policies), len(self.seeds), len(self.n_labels))


@dataclass(frozen=True)
class _Run:
    info: dict[str, Any]
    rounds: pa.Table
    prompts: list[str]
    scores: dict[str, np.ndarray]


def load_runs(folders: Mapping[Key, Path]) -> DpoRuns:
    """Load runs that are to be compared.

    Args:
        folders: folder of each (policy, seed), every policy with every seed.

    Raises:
        StateError: a run is missing or damaged, or runs have different labels per round, test prompts
            or start models.
    """
    policies = tuple(dict.fromkeys(policy for policy, _ in folders))
    seeds = tuple(dict.fromkeys(seed for _, seed in folders))
    keys = [(policy, seed) for policy in policies for seed in seeds]
    loaded = {key: _load(key, folders.get(key)) for key in keys}
    first, *others = keys
    for key in others:
        _require_alike(first, loaded[first], key, loaded[key])
    shape = (len(policies), len(seeds))
    return DpoRuns(
        policies=policies,
        seeds=seeds,
        info={key: run.info for key, run in loaded.items()},
        rounds=pa.concat_tables([run.rounds for run in loaded.values()]),
        n_labels=loaded[first].rounds["n_labels"].to_numpy(),
        scores={
            name: np.stack([run.scores[name] for run in loaded.values()]).reshape(
                *shape, *loaded[first].scores[name].shape
            )
            for name in SCORES.values()
        },
    )


def _load(key: Key, folder: Path | None) -> _Run:
    missing = [name for name in _FILES if folder is None or not (folder / name).is_file()]
    if folder is None or missing:
        where = "no folder" if folder is None else f"{folder} lacks {', '.join(missing)}"
        raise StateError(
            f"the run of policy {key[0]}, seed {key[1]} is not there ({where}): {_again(key)}, or take it out of "
            "run.policies or run.seeds"
        )
    rounds = read_table(folder / "rounds.parquet")
    evaluation = read_table(folder / "evaluation.parquet")
    for table, name, wanted in (
        (rounds, "rounds.parquet", ("round", "n_labels", "reference")),
        (evaluation, "evaluation.parquet", ("round", "prompt_id", *SCORES)),
    ):
        if absent := [column for column in wanted if column not in table.column_names]:
            raise StateError(f"{folder / name} lacks the columns {', '.join(absent)}: {_again(key)}")
    count = len(rounds)
    if count < 2 or rounds["round"].to_pylist() != list(range(count)):
        raise StateError(
            f"{folder / 'rounds.parquet'} has the rounds {rounds['round'].to_pylist()}; expected 0 (the start "
            f"model), 1 and so on: {_again(key)}"
        )
    prompts, scores = _by_round(key, folder / "evaluation.parquet", evaluation, count)
    return _Run(read_json(folder / "run.json"), rounds, prompts, scores)


def _by_round(key: Key, path: Path, table: pa.Table, rounds: int) -> tuple[list[str], dict[str, np.ndarray]]:
    """Ids of the test prompts [Q], and the scores [R, Q]."""
    count = len(table) // rounds
    expected = np.repeat(np.arange(rounds), count)
    ids = table["prompt_id"].to_pylist()
    prompts = ids[:count]
    if not count or not np.array_equal(table["round"].to_numpy(), expected) or ids != prompts * rounds:
        raise StateError(f"{path} does not have the same test prompts in each of {rounds} rounds: {_again(key)}")
    scores = {}
    for column, name in SCORES.items():
        values = table[column].cast(pa.float64()).to_numpy(zero_copy_only=False).reshape(rounds, count)
        given = values[~np.isnan(values)] if name in _WINS else values
        if not np.isfinite(given).all() or (name in _WINS and ((given < 0) | (given > 1)).any()):
            expected_ = "numbers from 0 to 1, or null" if name in _WINS else "finite numbers"
            raise StateError(f"{path}: the column {column} does not hold {expected_}: {_again(key)}")
        scores[name] = values
    return prompts, scores


def _require_alike(first: Key, one: _Run, key: Key, other: _Run) -> None:
    names = f"the runs {first[0]}-{first[1]} and {key[0]}-{key[1]}"
    labels, others = (run.rounds["n_labels"].to_pylist() for run in (one, other))
    if labels != others:
        raise StateError(
            f"n_labels per round differs between {names} ({labels[-1]} and {others[-1]} at the end): {_ALL}, so "
            "that all runs have the same rounds"
        )
    if one.prompts != other.prompts:
        raise StateError(
            f"the test prompts differ between {names} ({len(one.prompts)} and {len(other.prompts)} of them): "
            f"{_ALL}, so that all runs are evaluated on the same prompts in the same order"
        )
    if one.rounds["reference"][0] != other.rounds["reference"][0]:
        raise StateError(
            f"the start models of {names} have different weights: {_ALL}, so that all runs start from the same"
        )
    for section in ("oracle", "judge", "sampling", "train", "evaluation"):
        if one.info["parameters"].get(section) != other.info["parameters"].get(section):
            raise StateError(
                f"the section {section} differs between {names}: {_ALL}, so that all runs have the same"
            )


_ALL = "dvc repro dpo/dvc.yaml, or prefloop dpo run"


def _again(key: Key) -> str:
    return f"dvc repro dpo/dvc.yaml:rounds@{key[0]}-{key[1]}, or prefloop dpo run"
