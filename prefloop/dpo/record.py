"""Record of a finished round of active DPO, in memory and on disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from prefloop.dpo.asking import LabelledPair
from prefloop.dpo.evaluation import Evaluated
from prefloop.dpo.writing import WrittenPair
from prefloop.rounds.store import Tensors, facts_of


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


class DpoFormat:
    """How rounds of active DPO lie on disk."""

    weights = "policy"

    def pack(self, record: RoundRecord) -> tuple[Tensors, dict[str, str]]:
        """Arrays and metadata of a round."""
        tensors = {
            **_pack_pairs(record.labelled),
            "unanswered": np.array(record.unanswered, dtype=np.int64),
            **pack_tokens("evaluated", record.evaluated.completions),
            "oracle": record.evaluated.oracle,
            "judge": record.evaluated.judge,
            "kl": record.evaluated.kl,
        }
        return tensors, {}

    def unpack(self, tensors: Tensors, metadata: dict[str, str]) -> RoundRecord:
        """The round of these arrays and metadata.

        Raises:
            KeyError, ValueError: something is missing or malformed.
        """
        number, facts = facts_of(metadata)
        completions = unpack_tokens("pairs", tensors)
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
        judged = Evaluated(unpack_tokens("evaluated", tensors), tensors["oracle"], tensors["judge"], tensors["kl"])
        return RoundRecord(number, labelled, tensors["unanswered"].tolist(), judged, facts)


def pack_tokens(name: str, tokens: Sequence[tuple[int, ...]]) -> Tensors:
    """Token ids of completions as two arrays: all of them, and where each completion ends."""
    flat = [token for completion in tokens for token in completion]
    ends = np.cumsum([len(completion) for completion in tokens], dtype=np.int64)
    return {f"{name}_tokens": np.array(flat, dtype=np.int64), f"{name}_ends": ends}


def unpack_tokens(name: str, tensors: Tensors) -> list[tuple[int, ...]]:
    """The completions that `pack_tokens` packed."""
    parts = np.split(tensors[f"{name}_tokens"], tensors[f"{name}_ends"])[:-1]
    return [tuple(part.tolist()) for part in parts]


def _pack_pairs(labelled: Sequence[LabelledPair]) -> Tensors:
    pairs = [label.pair for label in labelled]
    return {
        "prompt": np.array([p.prompt for p in pairs], dtype=np.int64),
        "verdict": np.array([label.verdict for label in labelled], dtype=np.int8),
        "log_policy": np.array([p.log_policy for p in pairs], dtype=np.float64).reshape(-1, 2),
        "log_reference": np.array([p.log_reference for p in pairs], dtype=np.float64).reshape(-1, 2),
        **pack_tokens("pairs", [tokens for p in pairs for tokens in p.completions]),
    }


def _two(values: np.ndarray) -> tuple[float, float]:
    first, second = values.tolist()
    return first, second
