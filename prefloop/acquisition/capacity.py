"""Capacity of a pool under a pair rule: pairs per prompt, in all, and in a round."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.acquisition.responses import PairParameters
from prefloop.data.pairs import Pairs, Pool

NO_LIMIT = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Capacity:
    """What a pool can still give under a pair rule.

    Attributes:
        listed: pairs on offer as they are, any number in a round.
        single: int64 [Q], pairs that each prompt may still give, one a round; 0 where it gives none.
    """

    listed: int
    single: np.ndarray

    @property
    def total(self) -> int:
        """How many labels can be spent at most."""
        return self.listed + int(self.single.sum())

    def least_offered(self, labels: int, rounds: int) -> int:
        """How many pairs are sure to be on offer after some rounds, whatever they took.

        The worst case spends on listed pairs first, where each label takes one from the offer, then
        closes the prompts with the fewest left. One with more pairs than there were rounds
        can't have closed.

        Args:
            labels: spent in these rounds.
            rounds: their number.
        """
        left = np.sort(self.single[self.single > 0])
        closable = np.cumsum(left[left <= rounds])
        closed = int(np.searchsorted(closable, max(0, labels - self.listed), side="right"))
        return max(0, self.listed - labels) + len(left) - closed


def limits(rule: PairParameters) -> tuple[int, int]:
    """Pairs per prompt at most, for prompts with listed pairs and for those with formed ones."""
    if isinstance(rule.per_prompt, int):
        return rule.per_prompt, rule.per_prompt
    if rule.per_prompt == "unlimited":
        return NO_LIMIT, NO_LIMIT
    return (NO_LIMIT if rule.rule in ("auto", "given") else 1), 1


def offers_all_listed(rule: PairParameters) -> bool:
    """Whether all listed pairs are on offer, not one per prompt and round."""
    return rule.rule in ("auto", "given") and limits(rule)[0] == NO_LIMIT


def capacity(pool: Pool, rule: PairParameters, taken: Pairs) -> Capacity:
    """What the pool can still give when some pairs are taken."""
    sizes, listed = pool.sizes, pool.listed
    used = np.bincount(taken.prompt, minlength=len(sizes))
    listed_limit, formed_limit = limits(rule)
    formed = np.where(listed > 0, 0, sizes * (sizes - 1) // 2)
    single = np.zeros_like(formed) if rule.rule == "given" else np.minimum(formed, formed_limit)
    if offers_all_listed(rule):
        return Capacity(int((listed - np.where(listed > 0, used, 0)).sum()), np.maximum(single - used, 0))
    return Capacity(0, np.maximum(single + np.minimum(listed, listed_limit) - used, 0))
