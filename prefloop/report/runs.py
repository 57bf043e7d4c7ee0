"""Finished runs as tables and arrays, checked to be comparable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy.special import expit

from prefloop.errors import StateError
from prefloop.evaluation.predictive import correctness, log_likelihoods, pair_logits
from prefloop.io.arrays import open_array, read_table
from prefloop.io.json import read_json
from prefloop.oracle.evaluated_pairs import EvalSet
from prefloop.report.scores import Scores, SeedSums, sums_by_prompt

_TABLES = ("rounds", "metrics", "downstream", "models")
_FILES = (
    *(f"{name}.parquet" for name in _TABLES),
    *("predictions.npy", "downstream_rewards.npy", "downstream_policy.npy", "run.json"),
)


@dataclass(frozen=True)
class Runs:
    """The runs of one comparison: every policy with every seed, on one grid of labels.

    Attributes:
        policies, seeds: in the configured order.
        folders: folder of each (policy, seed).
        info: run.json of each (policy, seed).
        rounds: rounds.parquet of all runs, one below the other.
        metrics, downstream, models: the same of metrics.parquet, downstream.parquet and models.parquet.
        n_labels: int64 [R], labels after each round.
        n_val_labels: validation labels, counted apart.
    """

    policies: tuple[str, ...]
    seeds: tuple[int, ...]
    folders: Mapping[tuple[str, int], Path]
    info: Mapping[tuple[str, int], dict[str, Any]]
    rounds: pa.Table
    metrics: pa.Table
    downstream: pa.Table
    models: pa.Table
    n_labels: np.ndarray
    n_val_labels: int

    @property
    def dataset(self) -> str:
        """Name of the data, as the runs wrote it."""
        return str(next(iter(self.info.values()))["dataset"])


@dataclass(frozen=True)
class SplitScores:
    """Scores of all runs on one split's evaluation pairs: log-likelihood (nats) and correctness."""

    log_likelihood: Scores
    accuracy: Scores


@dataclass(frozen=True)
class Evaluated:
    """What one seed's runs are evaluated on, on one split.

    Attributes:
        pairs: evaluation pairs.
        first: completion row of the first column of the kept predictions (the end of the seed's pool).
        number: int64 [prompts], by the seed's prompt rows: a number that means the same prompt in every seed.
        weight: float64 [prompts], by the same rows: what a prompt counts under the declared target.
    """

    pairs: EvalSet
    first: int
    number: np.ndarray
    weight: np.ndarray

    def seed_sums(self, sums: np.ndarray, pairs: np.ndarray, rows: np.ndarray) -> SeedSums:
        """Sums [P, R, Q] with the numbers and weights of their prompts.

        Args:
            sums: float64 [P, R, Q].
            pairs: int64 [Q].
            rows: int64 [Q], the seed's prompt rows.
        """
        return SeedSums(sums, pairs, self.number[rows], self.weight[rows])


def load_runs(folders: Mapping[tuple[str, int], Path]) -> Runs:
    """Load the tables of runs that are to be compared.

    Args:
        folders: folder of each (policy, seed), every policy with every seed.

    Raises:
        StateError: a run is missing or damaged, or runs have different numbers of labels per round.
    """
    for (policy, seed), folder in folders.items():
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if missing:
            raise StateError(
                f"the run of policy {policy}, seed {seed} is not there ({folder} lacks {', '.join(missing)}): "
                f"dvc repro benchmark, or take it out of benchmark.policies or benchmark.seeds"
            )
    tables = {
        name: {key: read_table(folder / f"{name}.parquet") for key, folder in folders.items()} for name in _TABLES
    }
    n_labels, n_val_labels = _grid(tables["rounds"])
    return Runs(
        policies=tuple(dict.fromkeys(policy for policy, _ in folders)),
        seeds=tuple(dict.fromkeys(seed for _, seed in folders)),
        folders=folders,
        info={key: read_json(folder / "run.json") for key, folder in folders.items()},
        **{name: pa.concat_tables(by_run.values()) for name, by_run in tables.items()},
        n_labels=n_labels,
        n_val_labels=n_val_labels,
    )


def score_split(runs: Runs, evaluation: Mapping[int, Evaluated]) -> SplitScores:
    """Score the kept predictions of every run on one split.

    Args:
        runs: the runs.
        evaluation: what each seed is evaluated on.

    Returns:
        Sums over the pairs of each prompt, seed by seed.
    """
    seeds = []
    for seed in runs.seeds:
        evaluated = evaluation[seed]
        sums_2_P_R_Q = np.stack([_score_run(runs, (policy, seed), evaluated) for policy in runs.policies], axis=1)
        rows, pairs = np.unique(evaluated.pairs.prompt, return_counts=True)
        seeds.append([evaluated.seed_sums(sums, pairs, rows) for sums in sums_2_P_R_Q])
    return SplitScores(*(Scores(tuple(metric)) for metric in zip(*seeds, strict=True)))


def _score_run(runs: Runs, key: tuple[str, int], evaluated: Evaluated) -> np.ndarray:
    """Sums [2, R, Q] of log-likelihood and correctness by prompt, in the order of the prompt rows."""
    path = runs.folders[key] / "predictions.npy"
    rewards, pairs = open_array(path), evaluated.pairs
    a, b = pairs.a - evaluated.first, pairs.b - evaluated.first
    if len(rewards) != len(runs.n_labels) or rewards.shape[2] <= max(a.max(), b.max()):
        raise StateError(
            f"{path} has shape {rewards.shape}, which does not fit {len(runs.n_labels)} rounds and the prepared "
            f"data: dvc repro benchmark"
        )
    sums = []
    for rewards_M_E in rewards:
        logits = pair_logits(rewards_M_E, a, b)
        correct = correctness(expit(logits).mean(axis=0), pairs.y)
        by_prompt, _ = sums_by_prompt(np.stack([log_likelihoods(logits, pairs.y), correct]), pairs.prompt)
        sums.append(by_prompt)
    return np.stack(sums, axis=1)


def _grid(rounds: Mapping[tuple[str, int], pa.Table]) -> tuple[np.ndarray, int]:
    (first, table), *others = rounds.items()
    for key, other in others:
        for column in ("n_labels", "n_val_labels"):
            if other[column].to_pylist() != table[column].to_pylist():
                raise StateError(
                    f"{column} per round differs between the runs {first[0]}-{first[1]} "
                    f"({table[column].to_pylist()[-1]} at the end) and {key[0]}-{key[1]} "
                    f"({other[column].to_pylist()[-1]}): dvc repro, so that all runs have the same rounds"
                )
    return table["n_labels"].to_numpy(), int(table["n_val_labels"][-1].as_py())
