"""Evaluated pairs: those outside the pool whose answer is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.data.prepared import Prepared
from prefloop.labels.verdicts import A, is_decided, majority
from prefloop.oracle.answers import Answers

EVALUATED = ("val", "test", "ood")


@dataclass(frozen=True)
class EvalSet:
    """Evaluation pairs of one split; ties are left out.

    Attributes:
        split: "val", "test" or "ood".
        a, b: int64 [n], completion rows.
        prompt: int64 [n], prompt rows.
        y: float64 [n], 1.0 where a is preferred, else 0.0.
    """

    split: str
    a: np.ndarray
    b: np.ndarray
    prompt: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.a)


def evaluation_sets(prepared: Prepared, answers: Answers) -> dict[str, EvalSet]:
    """Evaluation pairs of val, test and ood, without the splits that have none.

    Listed pairs count by the majority of their votes; prompts with scored completions and no
    listed pair give every pair whose scores differ.
    """
    sets = {}
    for split in EVALUATED:
        rows = prepared.pairs_of(split)
        verdict = majority(answers.votes[rows])
        has_winner = is_decided(verdict)
        decided = np.flatnonzero(has_winner) + rows.start
        scored_a, scored_b, scored_prompt = _scored_pairs(prepared, answers.scores, split)
        gap = answers.scores[scored_a] - answers.scores[scored_b]
        eval_set = EvalSet(
            split,
            np.concatenate([prepared.pair_a[decided], scored_a]),
            np.concatenate([prepared.pair_b[decided], scored_b]),
            np.concatenate([prepared.pair_prompt[decided], scored_prompt]),
            np.concatenate([verdict[has_winner] == A, gap > 0]).astype(np.float64),
        )
        if len(eval_set):
            sets[split] = eval_set
    return sets


def _scored_pairs(prepared: Prepared, scores: np.ndarray, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    listed = np.zeros(len(prepared.split), dtype=bool)
    listed[prepared.pair_prompt] = True
    parts_a, parts_b = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    prompts = prepared.prompts_of(split)
    for prompt in range(prompts.start, prompts.stop):
        if listed[prompt]:
            continue
        first, last = prepared.offsets[prompt], prepared.offsets[prompt + 1]
        i, j = np.triu_indices(last - first, 1)
        differ = np.abs(scores[first + i] - scores[first + j]) > 0
        parts_a.append(first + i[differ])
        parts_b.append(first + j[differ])
    a, b = np.concatenate(parts_a), np.concatenate(parts_b)
    return a, b, prepared.completion_prompt[a]
