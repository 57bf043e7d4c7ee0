"""The folder of a finished run: tables, predictions, weights and parameters; no timings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.data.prepared import Prepared
from prefloop.errors import StateError
from prefloop.evaluation.downstream.chosen import model_counts
from prefloop.evaluation.downstream.result import Assessment
from prefloop.evaluation.downstream.score import assessment_rows
from prefloop.io.arrays import open_array, read_table, write_array, write_table
from prefloop.io.atomic import atomic_folder
from prefloop.io.documents import read_json, write_json
from prefloop.io.hashing import pair_id
from prefloop.labels.verdicts import WORDS
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.pool.loop import RunResult
from prefloop.pool.record import RoundRecord
from prefloop.reward.registry import save_model

_FACTS = pa.schema(
    [("policy", pa.string()), ("seed", pa.int64()), ("round", pa.int32())]
    + [(name, pa.int64()) for name in ("n_labels", "n_val_labels", "n_ties", "n_prompts")]
    + [(name, pa.int64()) for name in ("batch_ties", "judge_calls")]
    + [(name, pa.float64()) for name in ("gap", "winner_regret", "pair_regret", "best_hit")]
    + [(n, pa.float64()) for n in ("score_uncertainty", "score_entropy", "entropy_ratio", "temperature", "epochs")]
)
_METRICS = pa.schema(
    [("policy", pa.string()), ("seed", pa.int64()), ("round", pa.int32())]
    + [(name, pa.int64()) for name in ("n_labels", "n_val_labels")]
    + [("split", pa.string()), ("n_pairs", pa.int64())]
    + [(n, pa.float64()) for n in ("log_likelihood", "accuracy", "brier", "ece", "ece_floor")]
    + [(n, pa.float64()) for n in ("epistemic", "aleatoric")]
    + [(n, pa.float64()) for n in ("predictive", "spearman_error", "spearman_brier", "sigma", "spearman_sigma")]
)

_ASSESSMENT = pa.schema(
    [("policy", pa.string()), ("seed", pa.int64()), ("share", pa.float64()), ("n_labels", pa.int64())]
    + [("split", pa.string()), ("n_pairs", pa.int64())]
    + [(f"accuracy{of}", pa.float64()) for of in ("", "_small_gap", "_medium_gap", "_large_gap")]
    + [("log_likelihood", pa.float64()), ("ece", pa.float64()), ("ece_floor", pa.float64())]
    + [("n_prompts", pa.int64())]
    + [(name, pa.float64()) for name in ("best_of_accuracy", "best_of_regret")]
    + [(name, pa.float64()) for name in ("proxy_score", "uniform_score", "best_score")]
)

RUN_TABLES = ("rounds", "metrics", "assessment", "models")
RUN_FILES = (
    *(f"{name}.parquet" for name in (*RUN_TABLES, "acquired")),
    *("predictions.npy", "assessment_rewards.npy", "assessment_policy.npy", "model.safetensors", "run.json"),
)


def write_run(
    folder: Path,
    result: RunResult,
    assessed: Assessment,
    prepared: Prepared,
    hidden: HiddenAnswers,
    about: dict[str, Any],
    kind: str,
) -> None:
    """Write one finished run as one atomic folder.

    Args:
        folder: the run's folder.
        result: rounds and final model.
        assessed: what fresh models made of the acquired labels.
        prepared: ids of completions and prompts.
        hidden: hidden answers, for the assessment's numbers.
        about: content of run.json; its "encoder" and "parameters" also go into the weights file.
        kind: key of the reward registry.
    """
    identity = {"policy": about["policy"], "seed": about["seed"]}
    scored = assessment_rows(prepared, hidden.evaluation, hidden.answers.scores, assessed)
    with atomic_folder(folder) as temporary:
        facts = [record.facts for record in result.rounds]
        metrics = [row for record in result.rounds for row in record.metrics]
        write_table(temporary / "rounds.parquet", pa.Table.from_pylist(facts, schema=_FACTS))
        write_table(temporary / "metrics.parquet", pa.Table.from_pylist(metrics, schema=_METRICS))
        write_table(temporary / "acquired.parquet", acquired_table(result.rounds, prepared))
        write_array(temporary / "predictions.npy", np.stack([r.predictions for r in result.rounds]))
        assessment = pa.Table.from_pylist([{**identity, **row} for row in scored], schema=_ASSESSMENT)
        write_table(temporary / "assessment.parquet", assessment)
        write_array(temporary / "assessment_rewards.npy", assessed.rewards)
        write_array(temporary / "assessment_policy.npy", assessed.log_policy)
        write_table(temporary / "models.parquet", _models_table(result.rounds, prepared, identity))
        save_model(temporary / "model.safetensors", kind, result.model, _provenance(about))
        write_json(temporary / "run.json", about)


def _provenance(about: dict[str, Any]) -> dict[str, Any]:
    # How the labels were assessed afterwards is no part of where the weights come from.
    parameters = {name: value for name, value in about["parameters"].items() if name != "assessment"}
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


def is_whole(folder: Path) -> bool:
    """Whether every file of a finished run is there; the folder is written whole or not at all."""
    return all((folder / name).is_file() for name in RUN_FILES)


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
