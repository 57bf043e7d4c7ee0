"""What fresh models trained on each run's labels are worth, prompt by prompt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow.compute as pc

from prefloop.assessment.score import prompt_outcomes
from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.io.arrays import open_array
from prefloop.metrics.evaluation import EvalSet
from prefloop.report.bootstrap import PromptSums
from prefloop.report.runs import Runs

_Grid = list[tuple[float, int]]
_Sums = dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Judged:
    """Fresh models of all runs on the test split, at S shares of the budget.

    Attributes:
        shares: ascending.
        n_labels: int64 [S], labels of each share.
        scores: accuracy, log_likelihood, best_of_accuracy, best_of_regret and proxy_score, with the shares
            in the place of rounds; the last three only where prompts have scores.
    """

    shares: tuple[float, ...]
    n_labels: np.ndarray
    scores: dict[str, PromptSums]


def judge_runs(
    runs: Runs, prepared: Prepared, evaluation: Mapping[str, EvalSet], scores: np.ndarray
) -> Judged | None:
    """Judge the kept predictions of every run's fresh models.

    Args:
        runs: the runs.
        prepared: the tables.
        evaluation: evaluation pairs by split.
        scores: float64 [C], hidden scores, NaN = unknown.

    Returns:
        What they are worth on the test split, or None where it has no evaluation pairs.

    Raises:
        StateError: runs with different shares, or predictions that do not fit the data.
    """
    if "test" not in evaluation:
        return None
    grid = _grid(runs)
    sums = {
        key: _judge(runs, key, len(grid), prepared, evaluation["test"], scores)
        for key in ((policy, seed) for policy in runs.policies for seed in runs.seeds)
    }
    counts = {name: of[1] for name, of in next(iter(sums.values())).items() if len(of[1])}
    together = {
        name: PromptSums(np.array([[sums[p, s][name][0] for s in runs.seeds] for p in runs.policies]), count)
        for name, count in counts.items()
    }
    shares, n_labels = zip(*grid, strict=True)
    return Judged(shares, np.array(n_labels, dtype=np.int64), together)


def _judge(
    runs: Runs, key: tuple[str, int], shares: int, prepared: Prepared, pairs: EvalSet, scores: np.ndarray
) -> _Sums:
    """Sums [S, Q] by prompt and the counts [Q], for each outcome of one run."""
    folder = runs.folders[key]
    rewards = open_array(folder / "assessment_rewards.npy")
    log_policy = open_array(folder / "assessment_policy.npy")
    outside = len(prepared.completion_ids) - prepared.completions_of("pool").stop
    if rewards.shape != (shares, *rewards.shape[1:-1], outside) or log_policy.shape != (shares, outside):
        raise StateError(
            f"{folder} has assessments of shapes {rewards.shape} and {log_policy.shape}, which do not fit "
            f"{shares} shares and {outside} completions outside the pool: dvc repro benchmark@{key[0]}-{key[1]}"
        )
    parts = [prompt_outcomes(prepared, pairs, scores, *share) for share in zip(rewards, log_policy, strict=True)]
    return {name: (np.stack([part[name][0] for part in parts]), counts) for name, (_, counts) in parts[0].items()}


def _grid(runs: Runs) -> _Grid:
    """Share and labels of each, the same in all runs."""
    rows = runs.assessment.filter(pc.equal(runs.assessment["split"], "test")).to_pylist()
    grids: dict[tuple[str, int], _Grid] = {key: [] for key in runs.folders}
    for row in rows:
        grids[row["policy"], row["seed"]].append((row["share"], row["n_labels"]))
    (first, grid), *others = grids.items()
    for key, other in others:
        if other != grid:
            raise StateError(
                f"the shares of the budget differ between the runs {first[0]}-{first[1]} ({grid}) and "
                f"{key[0]}-{key[1]} ({other}): dvc repro, so that all runs have the same assessment.shares"
            )
    return grid
