"""The folder of a finished run: tables, predictions, weights and parameters; no timings."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.io.arrays import open_array, read_table, write_array, write_table
from prefloop.io.atomic import atomic_folder
from prefloop.io.documents import read_json, write_json
from prefloop.io.hashing import pair_id
from prefloop.reward.registry import save_model
from prefloop.rounds.loop import RunResult
from prefloop.rounds.record import RoundRecord
from prefloop.verdicts import VERDICTS

_FACTS = pa.schema(
    [("policy", pa.string()), ("seed", pa.int64()), ("round", pa.int32())]
    + [(name, pa.int64()) for name in ("n_labels", "n_val_labels", "n_ties", "n_prompts")]
    + [(n, pa.float64()) for n in ("score_uncertainty", "score_entropy", "entropy_ratio", "temperature", "epochs")]
)
_METRICS = pa.schema(
    [("policy", pa.string()), ("seed", pa.int64()), ("round", pa.int32())]
    + [(name, pa.int64()) for name in ("n_labels", "n_val_labels")]
    + [("split", pa.string()), ("n_pairs", pa.int64())]
    + [(n, pa.float64()) for n in ("log_likelihood", "accuracy", "brier", "ece", "epistemic", "aleatoric")]
    + [(n, pa.float64()) for n in ("predictive", "spearman_error", "spearman_brier")]
)


def write_run(folder: Path, result: RunResult, prepared: Prepared, about: dict[str, Any], kind: str) -> None:
    """Write one finished run as one atomic folder.

    Args:
        folder: the run's folder.
        result: rounds and final model.
        prepared: ids of completions and prompts.
        about: content of run.json; its "encoder" and "parameters" also go into the weights file.
        kind: key of the reward registry.
    """
    with atomic_folder(folder) as temporary:
        facts = [record.facts for record in result.rounds]
        metrics = [row for record in result.rounds for row in record.metrics]
        write_table(temporary / "rounds.parquet", pa.Table.from_pylist(facts, schema=_FACTS))
        write_table(temporary / "metrics.parquet", pa.Table.from_pylist(metrics, schema=_METRICS))
        write_table(temporary / "acquired.parquet", acquired_table(result.rounds, prepared))
        write_array(temporary / "predictions.npy", np.stack([r.predictions for r in result.rounds]))
        save_model(temporary / "model.safetensors", kind, result.model, about)
        write_json(temporary / "run.json", about)


def acquired_table(rounds: list[RoundRecord], prepared: Prepared) -> pa.Table:
    """Acquired pairs in order, with ids, verdicts and the scores they were chosen by."""
    return pa.concat_tables([_acquired(record, prepared) for record in rounds])


def _acquired(record: RoundRecord, prepared: Prepared) -> pa.Table:
    pairs, chosen = record.batch.pairs, record.batch.selection
    a, b = prepared.completion_ids.take(pairs.a), prepared.completion_ids.take(pairs.b)
    ids = [pair_id(x, y) for x, y in zip(a.to_pylist(), b.to_pylist(), strict=True)]
    count = len(pairs)

    def optional(values: np.ndarray | None) -> pa.Array:
        return pa.nulls(count, pa.float64()) if values is None else pa.array(values, pa.float64())

    return pa.table(
        {
            "round": pa.array(np.full(count, record.number), pa.int32()),
            "order": pa.array(np.arange(count), pa.int32()),
            "pair_id": pa.array(ids, pa.string()),
            "prompt_id": prepared.prompt_ids.take(pairs.prompt),
            "completion_a": a,
            "completion_b": b,
            "verdict": pa.array([VERDICTS[v] for v in record.verdicts], pa.string()),
            "score": pa.array(chosen.scores, pa.float64()),
            "uncertainty": optional(chosen.uncertainty),
            "entropy": optional(chosen.entropy),
        }
    )


def read_run(folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]], list[dict[str, Any]], np.ndarray]:
    """Read run.json, the rows of rounds.parquet and metrics.parquet, and predictions [R, M, E].

    Raises:
        StateError: the run is missing or damaged.
    """
    if not folder.is_dir():
        raise StateError(f"{folder} is missing: run dvc repro (or prefloop bench) so that this run is made")
    return (
        read_json(folder / "run.json"),
        read_table(folder / "rounds.parquet").to_pylist(),
        read_table(folder / "metrics.parquet").to_pylist(),
        open_array(folder / "predictions.npy"),
    )


def versions() -> dict[str, str]:
    """Versions that decide the bytes of a run."""
    import pyarrow
    import scipy
    import torch

    import prefloop

    return {
        "prefloop": prefloop.__version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "pyarrow": pyarrow.__version__,
    }
