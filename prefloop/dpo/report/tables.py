"""Tables curves.csv (every run) and curves_mean.csv (means over seeds with intervals)."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from prefloop.dpo.metrics import ROUNDS
from prefloop.dpo.report.comparison import seed_means
from prefloop.dpo.report.outcomes import Resampled
from prefloop.dpo.report.runs import DpoRuns
from prefloop.report.contest import Contest
from prefloop.report.tables import interval_columns

_DISTINCT = ROUNDS.of_role("diversity")
_FURTHER = ROUNDS.of_role("label", "unjudged", "training")


def curves_table(runs: DpoRuns) -> pa.Table:
    """All rows of all rounds.parquet, in the configured order of policies and seeds."""
    return runs.rounds


def mean_table(runs: DpoRuns, resampled: Resampled, contest: Contest, confidence: float) -> pa.Table:
    """One row per policy and round, round 0 included.

    Win rates, KL divergence, length and distinct-n have the standard error of the mean over seeds (`_stderr`,
    null for one seed) and the paired difference from the reference with its interval (`_difference`,
    `_difference_low`, `_difference_high`; over seeds and test prompts, for distinct-n over seeds alone). Other
    columns are means over the seeds that have a number.
    """
    parts = []
    for row, policy in enumerate(runs.policies):
        weights, base = contest.rows[policy], contest.base[policy]
        count = len(runs.n_labels)
        columns: dict[str, np.ndarray | list] = {
            "policy": [policy] * count,
            "round": np.arange(count),
            "n_labels": runs.n_labels,
        }
        intervals = interval_columns(resampled.curves, weights, base)
        for name, curves in resampled.curves.items():
            of_seeds = np.tensordot(weights, resampled.per_seed[name], 1)
            columns |= {name: weights @ curves.mean, f"{name}_stderr": _standard_error(of_seeds)}
            columns |= {column: bounds for column, bounds in intervals.items() if column.startswith(f"{name}_")}
        for name in _DISTINCT:
            columns |= _seed_columns(name, runs.column(name), weights, base, confidence)
        columns |= {name: _mean(runs.column(name)[row]) for name in _FURTHER}
        parts.append(pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()}))
    return pa.concat_tables(parts)


def _seed_columns(
    name: str, values: np.ndarray, weights: np.ndarray, base: np.ndarray, confidence: float
) -> dict[str, np.ndarray | list]:
    means = seed_means(values, weights, base, confidence)
    bounds = [[np.nan if v is None else v for v in (s.difference.low, s.difference.high)] for s in means]
    low, high = np.array(bounds, dtype=np.float64).T
    return {
        name: np.array([s.value for s in means]),
        f"{name}_stderr": _standard_error(np.tensordot(weights, values, 1)),
        f"{name}_difference": np.array([s.difference.value for s in means]),
        f"{name}_difference_low": low,
        f"{name}_difference_high": high,
    }


def _mean(values: np.ndarray) -> np.ndarray:
    """Means [R] over the seeds [S, R] that have a number; NaN without any."""
    present = ~np.isnan(values)
    count = present.sum(axis=0)
    sums = np.where(present, values, 0.0).sum(axis=0)
    return np.where(count > 0, sums / np.maximum(count, 1), np.nan)


def _standard_error(values: np.ndarray) -> np.ndarray:
    """Of the mean over seeds [S, R]: float64 [R], NaN for a single seed."""
    count = len(values)
    if count == 1:
        return np.full(values.shape[1], np.nan)
    errors: np.ndarray = values.std(axis=0, ddof=1) / count**0.5
    return errors
