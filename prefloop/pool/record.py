"""What one finished round leaves behind, and the store that makes a run resumable."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from prefloop.acquisition.view import Selection
from prefloop.data.pairs import Pairs
from prefloop.errors import StateError
from prefloop.evaluation.downstream.result import Assessment
from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.documents import to_json
from prefloop.io.resume import ResumeFolder
from prefloop.pool.steps import Batch
from prefloop.reward.registry import RewardModel, load_model, save_model

log = logging.getLogger("prefloop")


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


class RoundStore:
    """Resume state of one run: a folder named by the run's fingerprint, outside DVC's outputs.

    A round's file is written after its weights and at once, so a round is there whole or not at
    all; the weights of the round before go only then.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._state = ResumeFolder(folder, fingerprint)

    def load(self) -> list[RoundRecord]:
        """Read the finished rounds; a damaged file and all after it are dropped and done again."""
        records: list[RoundRecord] = []
        while (path := self._round(len(records))).exists():
            try:
                records.append(_read(path))
            except (StateError, KeyError, json.JSONDecodeError) as error:
                log.warning("%s; that round and those after it are done again", error)
                break
        self._state.forget("round", start=len(records))  # what lies behind a gap belongs to another history
        return records

    def load_model(self, number: int, device: torch.device) -> RewardModel | None:
        """The model of round `number`, on the device it was trained on, if its weights are here."""
        path = self._model(number)
        if not path.exists():
            return None
        try:
            return load_model(path, device)[0]
        except StateError as error:
            log.warning("%s; the model is trained again", error)
            return None

    def commit(self, record: RoundRecord, kind: str, model: RewardModel) -> None:
        """Keep a finished round: the model first, the round's own file as the last write."""
        save_model(self._model(record.number), kind, model, {})
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
        facts = {"facts": to_json(record.facts), "metrics": to_json(record.metrics)}
        write_tensors(self._round(record.number), tensors, {"number": str(record.number), **facts})
        self._model(record.number - 1).unlink(missing_ok=True)

    def assessment(self, key: str) -> Assessment | None:
        """What fresh models said of this run's labels, if it was kept under this key."""
        path = self._state.path / "assessment.safetensors"
        if not path.exists():
            return None
        try:
            tensors, facts = read_tensors(path)
            if facts["key"] != key:
                return None
            names = ("n_labels", "rewards", "log_policy")
            return Assessment(tuple(json.loads(facts["shares"])), *(tensors[name] for name in names))
        except (StateError, KeyError, json.JSONDecodeError) as error:
            log.warning("%s; the labels are assessed again", error)
            return None

    def keep_assessment(self, key: str, found: Assessment) -> None:
        """Keep an assessment; it replaces the one of another key (other shares, other rounds)."""
        tensors = {"n_labels": found.n_labels, "rewards": found.rewards, "log_policy": found.log_policy}
        facts = {"key": key, "shares": to_json(list(found.shares))}
        write_tensors(self._state.path / "assessment.safetensors", tensors, facts)

    def note(self, event: dict[str, Any]) -> None:
        """Append one line to the run's log (fits and timings; never part of an output)."""
        self._state.note(event)

    def _model(self, number: int) -> Path:
        return self._state.numbered("model", number)

    def _round(self, number: int) -> Path:
        return self._state.numbered("round", number)


def _read(path: Path) -> RoundRecord:
    tensors, metadata = read_tensors(path)
    pairs = Pairs(tensors["a"], tensors["b"], tensors["prompt"])
    selection = Selection(tensors["picks"], tensors["scores"], tensors.get("uncertainty"), tensors.get("entropy"))
    return RoundRecord(
        int(metadata["number"]),
        Batch(pairs, selection),
        tensors["verdicts"],
        tensors["looked_at"],
        tensors["predictions"],
        json.loads(metadata["facts"]),
        json.loads(metadata["metrics"]),
    )
