"""Statistics of the pairs each policy had compared: means over its rounds, with intervals over seeds."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import stdtrit

from prefloop.evaluation.metrics import ROUNDS, SHARE
from prefloop.report.numbers import Estimate
from prefloop.report.outcome_results import Choices, ModelShare
from prefloop.report.runs import Runs

# Each mean over a batch, with its least and largest value.
_MEANS = {name: ROUNDS.bounds(name) for name in ROUNDS.of_role("choice")}
_SHOWN_MODELS = 3


def compare_choices(runs: Runs, confidence: float) -> dict[str, Choices]:
    """Sum up the rounds after the initial labels, which all policies of a seed share.

    Args:
        runs: the runs.
        confidence: coverage of the intervals.
    """
    return {policy: _choices(runs, policy, confidence) for policy in runs.policies}


def _choices(runs: Runs, policy: str, confidence: float) -> Choices:
    rounds = runs.rounds.filter(pc.equal(runs.rounds["policy"], policy))
    models = runs.models.filter(pc.equal(runs.models["policy"], policy))
    later, last = _later(rounds), pc.equal(rounds["round"], pc.max(rounds["round"]))
    names = (*_MEANS, "batch_ties")
    # Threads would add up in any order.
    by_seed = later.group_by("seed", use_threads=False).aggregate([(name, "mean") for name in names])
    means = {name: pc.drop_null(by_seed[f"{name}_mean"]).to_numpy() for name in names}
    batch = (runs.n_labels[-1] - runs.n_labels[0]) / max(len(runs.n_labels) - 1, 1)
    return Choices(
        **{name: estimate(means[name], confidence, bounds) for name, bounds in _MEANS.items()},
        ties=estimate(means["batch_ties"] / batch, confidence, SHARE) if batch else None,
        comparisons=float(runs.n_labels[-1]),
        annotation_calls=float(np.mean(rounds.filter(last)["annotation_calls"].to_numpy())),
        chosen=_most(_later(models), "chosen"),
        rejected=_most(_later(models), "rejected"),
    )


def estimate(values: np.ndarray, confidence: float, bounds: tuple[float, float]) -> Estimate | None:
    """Mean of the seeds' values with Student's interval; None without any, no interval for a single one.

    Args:
        values: float64 [S].
        confidence: coverage of the interval.
        bounds: least and largest value that the mean can have; the interval ends there.
    """
    if not len(values):
        return None
    mean = float(values.mean())
    if len(values) == 1:
        return Estimate(value=mean, low=None, high=None)
    half = stdtrit(len(values) - 1, (1 + confidence) / 2) * values.std(ddof=1) / len(values) ** 0.5
    return Estimate(value=mean, low=max(float(mean - half), bounds[0]), high=min(float(mean + half), bounds[1]))


def _later(table: pa.Table) -> pa.Table:
    return table.filter(pc.greater(table["round"], 0))


def _most(models: pa.Table, column: str) -> list[ModelShare]:
    totals = models.group_by("model", use_threads=False).aggregate([(column, "sum")]).to_pylist()
    counts = {row["model"]: row[f"{column}_sum"] for row in totals if row[f"{column}_sum"]}
    names = sorted(counts, key=lambda name: (-counts[name], name))
    return [ModelShare(model=name, share=counts[name] / sum(counts.values())) for name in names[:_SHOWN_MODELS]]
