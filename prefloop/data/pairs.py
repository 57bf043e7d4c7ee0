"""The pool's structure, and pairs of its completions, by row number."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prefloop.data.prepared import Models, Prepared


@dataclass(frozen=True)
class Pool:
    """The pool's structure by row number; it holds no answer.

    Attributes:
        offsets: int64 [Q + 1], completions of pool prompt q are rows offsets[q] .. offsets[q + 1] - 1.
        a, b, prompt: int64 [N], the listed pairs.
        completions: C, the number of all completions (pool and not), for pair keys.
        characters: int32 [C_pool], lengths of the pool's completions.
        models: who wrote each completion, for the pair rule that is about models.
    """

    offsets: np.ndarray
    a: np.ndarray
    b: np.ndarray
    prompt: np.ndarray
    completions: int
    characters: np.ndarray
    models: Models

    @cached_property
    def sizes(self) -> np.ndarray:
        """int64 [Q], completions of each prompt."""
        return np.diff(self.offsets)

    @cached_property
    def listed(self) -> np.ndarray:
        """int64 [Q], listed pairs of each prompt."""
        return np.bincount(self.prompt, minlength=len(self.sizes))

    @classmethod
    def of(cls, prepared: Prepared) -> Pool:
        """Cut the pool out of the prepared tables."""
        prompts, pairs = prepared.prompts_of("pool"), prepared.pairs_of("pool")
        return cls(
            prepared.offsets[: prompts.stop + 1],
            prepared.pair_a[pairs],
            prepared.pair_b[pairs],
            prepared.pair_prompt[pairs],
            len(prepared.completion_ids),
            prepared.characters[: prepared.completions_of("pool").stop],
            prepared.models,
        )

    def keys(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """One int64 per pair of completion rows."""
        return a * self.completions + b


@dataclass(frozen=True)
class Pairs:
    """Pairs by completion and prompt rows, int64 [n] each, a < b."""

    a: np.ndarray
    b: np.ndarray
    prompt: np.ndarray

    def __len__(self) -> int:
        return len(self.a)

    def take(self, rows: np.ndarray) -> Pairs:
        """The pairs at some positions (or under a mask)."""
        return Pairs(self.a[rows], self.b[rows], self.prompt[rows])

    @classmethod
    def join(cls, *parts: Pairs) -> Pairs:
        """All parts one behind the other."""
        return cls(*(np.concatenate([getattr(p, name) for p in parts]) for name in ("a", "b", "prompt")))

    @classmethod
    def empty(cls) -> Pairs:
        """No pairs."""
        return cls(*(np.zeros(0, dtype=np.int64) for _ in range(3)))
