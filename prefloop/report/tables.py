"""curves.csv (every run) and curves_mean.csv (means over seeds with intervals), as Arrow tables."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from prefloop.evaluation.metrics import METRICS
from prefloop.report.contest import Contest
from prefloop.report.curves import Curves, half_widths
from prefloop.report.runs import Runs, SplitScores
from prefloop.report.scores import Scores

KEY = ("policy", "seed", "round", "n_labels", "n_val_labels", "split")
SCORES = METRICS.of_role("score")
FURTHER = (*METRICS.of_role("uncertainty"), *sorted(METRICS.of_role("correlation")), "n_pairs")
WITH_INTERVAL = ("log_likelihood", "accuracy")
MEAN_KEY = ("policy", "round", "n_labels", "n_val_labels", "split")
INTERVAL_COLUMNS = tuple(
    f"{metric}_{part}"
    for metric in WITH_INTERVAL
    for part in ("stderr", "low", "high", "difference", "difference_low", "difference_high")
)


def curves_table(runs: Runs) -> pa.Table:
    """One row per policy, seed, round and split, in the configured order of policies and seeds."""
    return runs.metrics.select([*KEY, *SCORES, *FURTHER])


def mean_table(
    runs: Runs, scores: Mapping[str, SplitScores], curves: dict[str, dict[str, Curves]], contest: Contest
) -> pa.Table:
    """One row per policy, round and split: means over seeds, and intervals.

    Log-likelihood and accuracy have the standard error of the mean over seeds (`_stderr`, null for one
    seed), the interval of the mean over seeds and prompts (`_low`, `_high`), and the paired difference
    from the pooled random with its interval (`_difference`, `_difference_low`, `_difference_high`), one
    interval for each number. Log-likelihood and accuracy count prompts as the target does; the further
    columns are means over the rows of curves.csv.
    """
    rows = []
    for policy, policy_streams in contest.rows.items():
        for split in _splits(runs):
            split_curves = curves.get(split, {})
            columns = interval_columns(split_curves, policy_streams, contest.base[policy])
            for metric, curve in split_curves.items():
                columns[metric] = policy_streams @ curve.mean
                columns[f"{metric}_stderr"] = standard_errors(getattr(scores[split], metric), policy_streams)
            rows += _mean_rows(runs, _streams(contest, runs, policy), policy, split, columns)
    return pa.Table.from_pylist(rows, schema=mean_schema())


def mean_schema() -> pa.Schema:
    """Columns of curves_mean.csv."""
    kinds = {"policy": pa.string(), "split": pa.string()}
    key = [(name, kinds.get(name, pa.int64())) for name in MEAN_KEY]
    numbers = [(name, pa.float64()) for name in (*SCORES, *INTERVAL_COLUMNS, *FURTHER)]
    return pa.schema(key + numbers)


def curves_schema() -> pa.Schema:
    """Columns of curves.csv where there are no runs to take them from."""
    return pa.schema([(name, pa.float64()) for name in (*KEY, *SCORES, *FURTHER)])


def interval_columns(
    metrics: dict[str, Curves], policy_streams: np.ndarray, base: np.ndarray
) -> dict[str, np.ndarray]:
    """Bounds of one policy's mean curves, and of their paired differences from a baseline's, by column.

    Args:
        metrics: curves by metric.
        policy_streams, base: float64 [P], which streams are averaged for the policy and for the baseline.

    Returns:
        float64 [R] by column; NaN bounds where nothing says how uncertain a number is.
    """
    columns = {}
    for metric, curves in metrics.items():
        each, (least, largest) = np.eye(len(curves.n_labels)), curves.bounds
        alone = curves.test(policy_streams[None, :, None] * each[:, None])
        half = half_widths(alone, curves.level)
        columns[f"{metric}_low"] = np.maximum(alone.value - half, least)
        columns[f"{metric}_high"] = np.minimum(alone.value + half, largest)
        paired = curves.test((policy_streams - base)[None, :, None] * each[:, None])
        half = half_widths(paired, curves.level)
        columns[f"{metric}_difference"] = paired.value
        columns[f"{metric}_difference_low"] = np.maximum(paired.value - half, least - largest)
        columns[f"{metric}_difference_high"] = np.minimum(paired.value + half, largest - least)
    return columns


def standard_errors(scores: Scores, policy_streams: np.ndarray) -> np.ndarray:
    """Of one policy's means over seeds: float64 [R], NaN for a single seed."""
    by_seed = np.einsum("p,psr->sr", policy_streams, scores.per_seed())
    if len(by_seed) == 1:
        return np.full(by_seed.shape[1], np.nan)
    errors: np.ndarray = by_seed.std(axis=0, ddof=1) / len(by_seed) ** 0.5
    return errors


def to_csv(table: pa.Table) -> bytes:
    """Serialise as CSV; nulls are empty, numbers round-trip; names of policies and splits need no quotes."""
    sink = io.BytesIO()
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(quoting_style="none", quoting_header="none"))
    return sink.getvalue()


def _splits(runs: Runs) -> list[str]:
    return list(dict.fromkeys(runs.metrics["split"].to_pylist()))


def _streams(contest: Contest, runs: Runs, policy: str) -> list[str]:
    """The policies whose rows are averaged."""
    return [name for name, share in zip(runs.policies, contest.rows[policy], strict=True) if share > 0]


def _mean_rows(
    runs: Runs, streams: list[str], policy: str, split: str, columns: dict[str, np.ndarray]
) -> list[dict[str, Any]]:
    metrics = runs.metrics
    of_policy = pc.is_in(metrics["policy"], value_set=pa.array(streams))
    chosen = metrics.filter(pc.and_(of_policy, pc.equal(metrics["split"], split)))
    # Nulls are left out of a mean; a metric without any value stays null. Threads would add up in any order.
    aggregations = [(name, "mean") for name in (*SCORES, *FURTHER)]
    means = chosen.group_by("round", use_threads=False).aggregate(aggregations).sort_by("round")
    rows = []
    for mean in means.to_pylist():
        round_ = mean["round"]
        key = (policy, round_, int(runs.n_labels[round_]), runs.n_val_labels, split)
        scores = {name: mean[f"{name}_mean"] for name in (*SCORES, *FURTHER)}
        numbers = {name: _number(float(values[round_])) for name, values in columns.items()}
        rows.append(dict(zip(MEAN_KEY, key, strict=True)) | scores | numbers)
    return rows


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None
