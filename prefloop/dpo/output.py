"""Folder of a finished run: tables, final weights and parameters; no timings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from prefloop.dpo.language_model import save_model
from prefloop.dpo.metrics import ROUNDS
from prefloop.dpo.problem import Problem
from prefloop.dpo.record import RoundRecord
from prefloop.io.arrays import write_table
from prefloop.io.atomic import atomic_folder
from prefloop.io.hashing import completion_id, pair_id
from prefloop.io.json import write_json
from prefloop.labels.verdicts import WORDS, turned

EVALUATION = pa.schema(
    [("round", pa.int32())]
    + [(name, pa.string()) for name in ("prompt_id", "prompt", "start_completion", "completion")]
    + [(name, pa.float64()) for name in ("oracle", "judge", "kl")]
    + [("length", pa.int32())]
)
PAIRS = pa.schema(
    [("round", pa.int32()), ("order", pa.int32())]
    + [(name, pa.string()) for name in ("pair_id", "prompt_id", "prompt", "completion_a", "completion_b")]
    + [("verdict", pa.string())]
    + [(f"log_{model}_{x}", pa.float64()) for model in ("policy", "reference") for x in "ab"]
    + [("certainty", pa.float64())]
)


def write_run(
    folder: Path,
    records: Sequence[RoundRecord],
    policy: Any,
    problem: Problem,
    evaluated_prompts: Sequence[int],
    start_texts: Sequence[str],
    about: dict[str, Any],
) -> None:
    """Write one finished run as one atomic folder.

    Args:
        folder: the run's folder.
        records: all rounds.
        policy: the last policy.
        problem: prompts and the tokenizer.
        evaluated_prompts, start_texts: of the evaluation: prompt numbers, the start model's completions.
        about: content of run.json.
    """
    beta = about["parameters"]["train"]["beta"]
    with atomic_folder(folder) as new:
        write_table(new / ROUNDS.file, ROUNDS.table(record.facts for record in records))
        tables = [evaluation_table(r, problem, evaluated_prompts, start_texts) for r in records]
        write_table(new / "evaluation.parquet", pa.concat_tables(tables))
        write_table(new / "pairs.parquet", pa.concat_tables([pairs_table(r, problem, beta) for r in records]))
        save_model(policy, problem.reference.tokenizer, new / "policy")
        write_json(new / "run.json", about)


def evaluation_table(
    record: RoundRecord, problem: Problem, evaluated_prompts: Sequence[int], start_texts: Sequence[str]
) -> pa.Table:
    """The round's completions on the evaluated prompts, with what the judges said of them."""
    evaluated, prompts = record.evaluated, problem.prompts
    columns = {
        "round": np.full(len(evaluated.completions), record.number),
        "prompt_id": [prompts.ids[n] for n in evaluated_prompts],
        "prompt": [prompts.texts[n] for n in evaluated_prompts],
        "start_completion": list(start_texts),
        "completion": [problem.text(tokens) for tokens in evaluated.completions],
        "oracle": _answered(evaluated.oracle),
        "judge": _answered(evaluated.judge),
        "kl": evaluated.kl,
        "length": [len(tokens) for tokens in evaluated.completions],
    }
    return pa.table(columns, schema=EVALUATION)


def pairs_table(record: RoundRecord, problem: Problem, beta: float) -> pa.Table:
    """The round's labelled pairs, completion_a with the lower id, as in the core's tables."""
    rows = []
    for order, labelled in enumerate(record.labelled):
        prompt_id = problem.prompts.ids[labelled.pair.prompt]
        texts = [problem.text(tokens) for tokens in labelled.pair.completions]
        ids = [completion_id(prompt_id, text) for text in texts]
        a, b = (0, 1) if ids[0] < ids[1] else (1, 0)
        policy, reference = labelled.pair.log_policy, labelled.pair.log_reference
        margins = [beta * (p - r) for p, r in zip(policy, reference, strict=True)]
        verdict = labelled.verdict if a == 0 else turned(labelled.verdict)
        rows.append(
            {
                "round": record.number,
                "order": order,
                "pair_id": pair_id(*ids),
                "prompt_id": prompt_id,
                "prompt": problem.prompts.texts[labelled.pair.prompt],
                "completion_a": texts[a],
                "completion_b": texts[b],
                "verdict": WORDS[verdict],
                "log_policy_a": policy[a],
                "log_policy_b": policy[b],
                "log_reference_a": reference[a],
                "log_reference_b": reference[b],
                "certainty": abs(margins[0] - margins[1]),
            }
        )
    return pa.Table.from_pylist(rows, schema=PAIRS)


def _answered(values: np.ndarray) -> pa.Array:
    return pa.array(values, pa.float64(), mask=np.isnan(values))
