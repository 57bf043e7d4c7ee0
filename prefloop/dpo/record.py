"""What one finished round leaves behind, and the store that makes a run resumable."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.dpo.asking import LabelledPair
from prefloop.dpo.evaluation import Evaluated
from prefloop.dpo.language_model import load_weights, save_weights
from prefloop.dpo.writing import WrittenPair
from prefloop.errors import StateError
from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.documents import to_json
from prefloop.io.resume import ResumeFolder

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class RoundRecord:
    """One finished round.

    Attributes:
        number: 0 = the start model, before any label.
        labelled: the round's labels.
        unanswered: prompts that were asked about in vain.
        evaluated: the policy after the round.
        facts: the round's row of rounds.parquet.
    """

    number: int
    labelled: list[LabelledPair]
    unanswered: list[int]
    evaluated: Evaluated
    facts: dict[str, Any]


class DpoStore:
    """Resume state of one run: a folder named by the run's fingerprint, outside DVC's outputs.

    A round's file is written after its policy's weights and at once, so a round is there whole or not
    at all; the weights of the round before go only then.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._state = ResumeFolder(folder, fingerprint)

    def load(self) -> list[RoundRecord]:
        """Read the finished rounds; a damaged file and all after it are dropped and done again."""
        records: list[RoundRecord] = []
        while (path := self._round(len(records))).exists():
            try:
                records.append(_read(path))
            except (StateError, KeyError, ValueError) as error:
                log.warning("%s; that round and those after it are done again", error)
                break
        self._state.forget("round", start=len(records))  # what lies behind a gap belongs to another history
        # What a kill left between a round's last write and the removal of the weights before it.
        self._state.forget("policy", below=len(records) - 1)
        return records

    def load_policy(self, number: int, like: Any) -> Any | None:
        """The policy after round `number`, if its weights are here; `like` is a model of the same shape."""
        path = self._policy(number)
        if not path.exists():
            return None
        try:
            return load_weights(path, like)
        except StateError as error:
            log.warning("%s; the policy is trained again", error)
            return None

    def commit(self, record: RoundRecord, policy: Any | None) -> None:
        """Keep a finished round: the weights (None where nothing was trained) and, last of all, its file."""
        if policy is not None:
            save_weights(self._policy(record.number), policy)
        tensors = {
            **_pack_pairs(record.labelled),
            "unanswered": np.array(record.unanswered, dtype=np.int64),
            **_pack("evaluated", record.evaluated.completions),
            "oracle": record.evaluated.oracle,
            "judge": record.evaluated.judge,
            "kl": record.evaluated.kl,
        }
        write_tensors(
            self._round(record.number), tensors, {"number": str(record.number), "facts": to_json(record.facts)}
        )
        if policy is not None:
            self._policy(record.number - 1).unlink(missing_ok=True)

    def start_completions(self) -> list[tuple[int, ...]] | None:
        """What the start model wrote on the evaluated prompts, if it was kept."""
        path = self._state.path / "start.safetensors"
        if not path.exists():
            return None
        try:
            return _unpack("start", read_tensors(path)[0])
        except (StateError, KeyError) as error:
            log.warning("%s; the start model writes again", error)
            return None

    def keep_start_completions(self, completions: Sequence[tuple[int, ...]]) -> None:
        """Keep what the start model wrote."""
        write_tensors(self._state.path / "start.safetensors", _pack("start", completions), {})

    def note(self, event: dict[str, Any]) -> None:
        """Append one line to the run's log (timings; never part of an output)."""
        self._state.note(event)

    def _policy(self, number: int) -> Path:
        return self._state.numbered("policy", number)

    def _round(self, number: int) -> Path:
        return self._state.numbered("round", number)


def _pack(name: str, tokens: Sequence[tuple[int, ...]]) -> dict[str, np.ndarray]:
    flat = [token for completion in tokens for token in completion]
    ends = np.cumsum([len(completion) for completion in tokens], dtype=np.int64)
    return {f"{name}_tokens": np.array(flat, dtype=np.int64), f"{name}_ends": ends}


def _unpack(name: str, tensors: dict[str, np.ndarray]) -> list[tuple[int, ...]]:
    parts = np.split(tensors[f"{name}_tokens"], tensors[f"{name}_ends"])[:-1]
    return [tuple(part.tolist()) for part in parts]


def _pack_pairs(labelled: Sequence[LabelledPair]) -> dict[str, np.ndarray]:
    pairs = [of.pair for of in labelled]
    return {
        "prompt": np.array([p.prompt for p in pairs], dtype=np.int64),
        "verdict": np.array([of.verdict for of in labelled], dtype=np.int8),
        "log_policy": np.array([p.log_policy for p in pairs], dtype=np.float64).reshape(-1, 2),
        "log_reference": np.array([p.log_reference for p in pairs], dtype=np.float64).reshape(-1, 2),
        **_pack("pairs", [tokens for p in pairs for tokens in p.completions]),
    }


def _read(path: Path) -> RoundRecord:
    tensors, metadata = read_tensors(path)
    completions = _unpack("pairs", tensors)
    labelled = [
        LabelledPair(
            WrittenPair(
                prompt=int(tensors["prompt"][row]),
                completions=(completions[2 * row], completions[2 * row + 1]),
                log_policy=_two(tensors["log_policy"][row]),
                log_reference=_two(tensors["log_reference"][row]),
            ),
            int(tensors["verdict"][row]),
        )
        for row in range(len(tensors["prompt"]))
    ]
    evaluated = Evaluated(_unpack("evaluated", tensors), tensors["oracle"], tensors["judge"], tensors["kl"])
    return RoundRecord(
        int(metadata["number"]),
        labelled,
        tensors["unanswered"].tolist(),
        evaluated,
        json.loads(metadata["facts"]),
    )


def _two(values: np.ndarray) -> tuple[float, float]:
    first, second = values.tolist()
    return first, second
