"""Downstream evaluation on the test split: what models retrained on each run's labels are worth, by prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.evaluation.downstream.score import prompt_outcomes
from prefloop.evaluation.downstream.scored import scored_prompts
from prefloop.io.arrays import open_array
from prefloop.report.runs import Evaluated, Runs
from prefloop.report.scores import Scores, SeedSums

_Grid = list[tuple[float, int]]
_Sums = dict[str, tuple[np.ndarray, np.ndarray]]
_BY_PAIR = ("accuracy", "log_likelihood")


@dataclass(frozen=True)
class Judged:
    """Retrained models of all runs on the test split, at S shares of the budget.

    Attributes:
        shares: ascending.
        n_labels: int64 [S], labels of each share.
        scores: accuracy, log_likelihood, best_of_accuracy, best_of_regret and proxy_score, with the shares
            in the place of rounds; the last three only where prompts have scores.
    """

    shares: tuple[float, ...]
    n_labels: np.ndarray
    scores: dict[str, Scores]


@dataclass(frozen=True)
class Judgeable:
    """What one seed's retrained models are judged on, on the test split.

    Attributes:
        prepared: the seed's tables.
        evaluated: its evaluation pairs, with numbers and weights of prompts.
        scores: float64 [C], hidden scores of its completions, NaN = unknown.
    """

    prepared: Prepared
    evaluated: Evaluated
    scores: np.ndarray


def judge_runs(runs: Runs, test: Mapping[int, Judgeable]) -> Judged | None:
    """Judge the kept predictions of every run's retrained models.

    Args:
        runs: the runs.
        test: what each seed is judged on.

    Returns:
        What they are worth on the test split, or None where a seed has no evaluation pairs.

    Raises:
        StateError: runs with different shares, or predictions that do not fit the data.
    """
    if not all(seed in test for seed in runs.seeds):
        return None
    grid = _grid(runs)
    by_seed = [_judge_seed(runs, seed, len(grid), test[seed]) for seed in runs.seeds]
    shared = [name for name in by_seed[0] if all(name in sums for sums in by_seed)]
    shares, n_labels = zip(*grid, strict=True)
    scores = {name: Scores(tuple(sums[name] for sums in by_seed)) for name in shared}
    return Judged(shares, np.array(n_labels, dtype=np.int64), scores)


def _judge_seed(runs: Runs, seed: int, shares: int, test: Judgeable) -> dict[str, SeedSums]:
    """Sums [P, R, Q] of one seed's runs, by outcome; without those that no prompt has."""
    evaluated = test.evaluated
    runs_ = [_judge(runs, (policy, seed), shares, test) for policy in runs.policies]
    paired = np.unique(evaluated.pairs.prompt)
    scored = scored_prompts(test.prepared, test.scores, evaluated.pairs.split).prompts
    sums = {}
    for name, (_, counts) in runs_[0].items():
        rows = paired if name in _BY_PAIR else scored
        kept = evaluated.weight[rows] > 0
        if kept.any():
            stacked = np.stack([run[name][0] for run in runs_])
            sums[name] = evaluated.seed_sums(stacked[..., kept], counts[kept], rows[kept])
    return sums


def _judge(runs: Runs, key: tuple[str, int], shares: int, test: Judgeable) -> _Sums:
    """Sums [S, Q] by prompt and the counts [Q], for each outcome of one run."""
    folder, prepared = runs.folders[key], test.prepared
    rewards = open_array(folder / "downstream_rewards.npy")
    log_policy = open_array(folder / "downstream_policy.npy")
    outside = len(prepared.completion_ids) - prepared.completions_of("pool").stop
    if rewards.shape != (shares, *rewards.shape[1:-1], outside) or log_policy.shape != (shares, outside):
        raise StateError(
            f"{folder} has downstream predictions of shapes {rewards.shape} and {log_policy.shape}, which do not "
            f"fit {shares} shares and {outside} completions outside the pool: dvc repro benchmark"
        )
    parts = [
        prompt_outcomes(prepared, test.evaluated.pairs, test.scores, *share)
        for share in zip(rewards, log_policy, strict=True)
    ]
    return {name: (np.stack([part[name][0] for part in parts]), counts) for name, (_, counts) in parts[0].items()}


def _grid(runs: Runs) -> _Grid:
    """Share and labels of each, the same in all runs."""
    rows = runs.downstream.filter(pc.equal(runs.downstream["split"], "test")).to_pylist()
    grids: dict[tuple[str, int], _Grid] = {key: [] for key in runs.folders}
    for row in rows:
        grids[row["policy"], row["seed"]].append((row["share"], row["n_labels"]))
    (first, grid), *others = grids.items()
    for key, other in others:
        if other != grid:
            raise StateError(
                f"the shares of the budget differ between the runs {first[0]}-{first[1]} ({grid}) and "
                f"{key[0]}-{key[1]} ({other}): dvc repro, so that all runs have the same downstream.shares"
            )
    return grid
