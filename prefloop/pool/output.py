"""The folder of a finished run: tables, predictions, weights and parameters; no timings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.evaluation.downstream.chosen import model_counts
from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.evaluation.downstream.score import downstream_rows
from prefloop.evaluation.metrics import DOWNSTREAM, METRICS, ROUNDS
from prefloop.io.arrays import open_array, read_table, write_array, write_table
from prefloop.io.atomic import atomic_folder
from prefloop.io.hashing import pair_id
from prefloop.io.json import read_json, write_json
from prefloop.labels.verdicts import WORDS
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.pool.record import RoundRecord
from prefloop.reward.registry import UncertaintyModel, save_model


def write_run(
    folder: Path,
    records: list[RoundRecord],
    model: UncertaintyModel,
    predicted: DownstreamPredictions,
    prepared: Prepared,
    hidden: HiddenAnswers,
    about: dict[str, Any],
    kind: str,
) -> None:
    """Write one finished run as one atomic folder.

    Args:
        folder: the run's folder.
        records: all rounds.
        model: that of the last.
        predicted: what retrained models, on the acquired labels, predict.
        prepared: ids of completions and prompts.
        hidden: hidden answers, for the downstream evaluation.
        about: content of run.json; its "encoder" and "parameters" also go into the weights file.
        kind: key of the reward registry.
    """
    identity = {"policy": about["policy"], "seed": about["seed"]}
    scored = downstream_rows(prepared, hidden.evaluation, hidden.answers.scores, predicted)
    with atomic_folder(folder) as temporary:
        metrics = [row for record in records for row in record.metrics]
        write_table(temporary / ROUNDS.file, ROUNDS.table(record.facts for record in records))
        write_table(temporary / METRICS.file, METRICS.table(metrics))
        write_table(temporary / "acquired.parquet", acquired_table(records, prepared))
        write_array(temporary / "predictions.npy", np.stack([r.predictions for r in records]))
        write_table(temporary / DOWNSTREAM.file, DOWNSTREAM.table({**identity, **row} for row in scored))
        write_array(temporary / "downstream_rewards.npy", predicted.rewards)
        write_array(temporary / "downstream_policy.npy", predicted.log_policy)
        write_table(temporary / "models.parquet", _models_table(records, prepared, identity))
        save_model(temporary / "model.safetensors", kind, model, _provenance(about))
        write_json(temporary / "run.json", about)


def _provenance(about: dict[str, Any]) -> dict[str, Any]:
    # How the labels were evaluated downstream is no part of where the weights come from.
    parameters = {name: value for name, value in about["parameters"].items() if name != "downstream"}
    return {**about, "parameters": parameters}


def acquired_table(rounds: list[RoundRecord], prepared: Prepared) -> pa.Table:
    """Acquired pairs in order, with ids, verdicts and the scores they were chosen by."""
    return pa.concat_tables([_acquired(record, prepared) for record in rounds])


def _models_table(rounds: list[RoundRecord], prepared: Prepared, identity: dict[str, Any]) -> pa.Table:
    parts = []
    for record in rounds:
        counts = model_counts(prepared, record.batch.pairs, record.verdicts)
        columns = {
            "policy": pa.repeat(pa.scalar(identity["policy"], pa.string()), len(counts)),
            "seed": pa.repeat(pa.scalar(identity["seed"], pa.int64()), len(counts)),
            "round": pa.repeat(pa.scalar(record.number, pa.int32()), len(counts)),
        }
        parts.append(pa.table(columns | {name: counts[name] for name in counts.column_names}))
    return pa.concat_tables(parts)


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
            "verdict": pa.array([WORDS[v] for v in record.verdicts], pa.string()),
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
