"""curves.csv (every run) and curves_mean.csv (means over seeds with intervals), as Arrow tables."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from prefloop.report.curves import Curves
from prefloop.report.runs import Runs

KEY = ("policy", "seed", "round", "n_labels", "n_val_labels", "split")
SCORES = ("log_likelihood", "accuracy", "brier", "ece", "ece_floor")
_CORRELATIONS = ("spearman_brier", "spearman_error", "spearman_sigma")
FURTHER = ("epistemic", "aleatoric", "predictive", "sigma", *_CORRELATIONS, "n_pairs")
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


def mean_table(runs: Runs, curves: dict[str, dict[str, Curves]], reference: str, confidence: float) -> pa.Table:
    """One row per policy, round and split: means over seeds, and intervals where replicates exist.

    Log-likelihood and accuracy have the standard error of the mean over seeds (`_stderr`, null for one
    seed), the interval of the mean over seeds and prompts (`_low`, `_high`), and the paired difference
    from the reference with its interval (`_difference`, `_difference_low`, `_difference_high`).
    """
    rows = [
        row
        for policy_row, policy in enumerate(runs.policies)
        for split in _splits(runs)
        for row in _mean_rows(
            runs,
            policy,
            split,
            interval_columns(curves.get(split, {}), policy_row, runs.policies.index(reference), confidence),
        )
    ]
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
    metrics: dict[str, Curves], row: int, reference: int, confidence: float
) -> dict[str, np.ndarray]:
    """Bounds of one policy's mean curves, and of their paired differences from the reference's, by column."""
    bounds = [(1 - confidence) / 2, (1 + confidence) / 2]
    columns = {}
    for metric, curves in metrics.items():
        own = curves.replicates[:, row]
        paired = own - curves.replicates[:, reference]
        columns[f"{metric}_low"], columns[f"{metric}_high"] = np.quantile(own, bounds, axis=0)
        columns[f"{metric}_difference"] = curves.mean[row] - curves.mean[reference]
        low, high = np.quantile(paired, bounds, axis=0)
        columns[f"{metric}_difference_low"], columns[f"{metric}_difference_high"] = low, high
    return columns


def to_csv(table: pa.Table) -> bytes:
    """Serialise as CSV; nulls are empty, numbers round-trip; names of policies and splits need no quotes."""
    sink = io.BytesIO()
    pa_csv.write_csv(table, sink, pa_csv.WriteOptions(quoting_style="none", quoting_header="none"))
    return sink.getvalue()


def _splits(runs: Runs) -> list[str]:
    return list(dict.fromkeys(runs.metrics["split"].to_pylist()))


def _mean_rows(runs: Runs, policy: str, split: str, intervals: dict[str, np.ndarray]) -> list[dict[str, Any]]:
    metrics = runs.metrics
    chosen = metrics.filter(pc.and_(pc.equal(metrics["policy"], policy), pc.equal(metrics["split"], split)))
    # Nulls are left out of a mean; a metric without any value stays null. Threads would add up in any order.
    spread = pc.VarianceOptions(ddof=1)
    aggregations: list[tuple] = [(name, "mean") for name in (*SCORES, *FURTHER)]
    aggregations += [(name, "stddev", spread) for name in WITH_INTERVAL]
    means = chosen.group_by("round", use_threads=False).aggregate(aggregations).sort_by("round")
    rows = []
    for mean in means.to_pylist():
        round_ = mean["round"]
        key = (policy, round_, int(runs.n_labels[round_]), runs.n_val_labels, split)
        scores = {name: mean[f"{name}_mean"] for name in (*SCORES, *FURTHER)}
        scores |= {
            f"{name}_stderr": _standard_error(mean[f"{name}_stddev"], len(runs.seeds)) for name in WITH_INTERVAL
        }
        bounds = {name: float(values[round_]) for name, values in intervals.items()}
        rows.append(dict(zip(MEAN_KEY, key, strict=True)) | scores | bounds)
    return rows


def _standard_error(deviation: float | None, seeds: int) -> float | None:
    return None if deviation is None or not np.isfinite(deviation) else deviation / seeds**0.5
