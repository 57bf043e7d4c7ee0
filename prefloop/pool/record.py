"""One finished round of a pool, in memory and on disk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefloop.acquisition.view import Selection
from prefloop.data.pairs import Pairs
from prefloop.evaluation.metrics import ROUNDS
from prefloop.io.json import to_json
from prefloop.pool.steps import Batch
from prefloop.rounds.store import Tensors, facts_of


@dataclass(frozen=True)
class RoundRecord:
    """One finished round.

    Attributes:
        number: 0 = after the initial labels.
        batch: the pairs acquired in this round.
        verdicts: int8 [B], their answers.
        looked_at: int64, completion rows whose scores the pair rule read (maxmin), ascending.
        predictions: float32 [M, E], rewards of the completions outside the pool.
        facts: the round's row of rounds.parquet.
        metrics: its rows of metrics.parquet.
    """

    number: int
    batch: Batch
    verdicts: np.ndarray
    looked_at: np.ndarray
    predictions: np.ndarray
    facts: dict[str, Any]
    metrics: list[dict[str, Any]]


class PoolFormat:
    """How a pool's rounds lie on disk."""

    weights = "model"

    def pack(self, record: RoundRecord) -> tuple[Tensors, dict[str, str]]:
        """Arrays and metadata of a round."""
        selection = record.batch.selection
        tensors = {
            "a": record.batch.pairs.a,
            "b": record.batch.pairs.b,
            "prompt": record.batch.pairs.prompt,
            "picks": selection.picks,
            "scores": selection.scores,
            "verdicts": record.verdicts,
            "looked_at": record.looked_at,
            "predictions": record.predictions,
        }
        tensors |= {
            name: values
            for name, values in (("uncertainty", selection.uncertainty), ("entropy", selection.entropy))
            if values is not None
        }
        return tensors, {"metrics": to_json(record.metrics)}

    def unpack(self, tensors: Tensors, metadata: dict[str, str]) -> RoundRecord:
        """The round of these arrays and metadata.

        Raises:
            StateError: facts with other names than rounds.parquet has, of another version of the package.
            KeyError, ValueError: something is missing or malformed.
        """
        number, facts = facts_of(metadata)
        pairs = Pairs(tensors["a"], tensors["b"], tensors["prompt"])
        entropy, uncertainty = tensors.get("entropy"), tensors.get("uncertainty")
        selection = Selection(tensors["picks"], tensors["scores"], uncertainty, entropy)
        return RoundRecord(
            number,
            Batch(pairs, selection),
            tensors["verdicts"],
            tensors["looked_at"],
            tensors["predictions"],
            ROUNDS.row(facts),
            json.loads(metadata["metrics"]),
        )
