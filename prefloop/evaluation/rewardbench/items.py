"""One row of a RewardBench file: a prompt with its chosen and its rejected completions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from prefloop.messages.message import Turns

Version = Literal[1, 2]


@dataclass(frozen=True, slots=True)
class Item:
    """One prompt to be judged.

    Attributes:
        id: the row's id; in the subset Ties of RewardBench 2 `ref:N` or `tied:N`.
        subset: name of the subset it belongs to.
        prompt: what is answered.
        completions: the chosen completions, then the rejected ones; at least one of each.
        n_chosen: how many of them are chosen.
    """

    id: str
    subset: str
    prompt: Turns
    completions: tuple[Turns, ...]
    n_chosen: int

    @property
    def is_tie(self) -> bool:
        """Whether it belongs to RewardBench 2's subset Ties, which has a score of its own."""
        return self.subset.lower() == "ties"
