"""How many pairs a pair rule can give: per prompt, from a pool, and in a round."""

from __future__ import annotations

import numpy as np

from prefloop.acquisition.pairs import Pool
from prefloop.config.pair_rules import PairRule

NO_LIMIT = int(np.iinfo(np.int64).max)


def limits(rule: PairRule) -> tuple[int, int]:
    """Pairs per prompt at most, for prompts with listed pairs and for those with formed ones."""
    if isinstance(rule.per_prompt, int):
        return rule.per_prompt, rule.per_prompt
    if rule.per_prompt == "unlimited":
        return NO_LIMIT, NO_LIMIT
    return (NO_LIMIT if rule.rule in ("auto", "given") else 1), 1


def offers_all_listed(rule: PairRule) -> bool:
    """Whether all listed pairs are on offer, not one per prompt and round."""
    return rule.rule in ("auto", "given") and limits(rule)[0] == NO_LIMIT


def capacity(pool: Pool, rule: PairRule) -> int:
    """How many labels a policy with this pair rule can spend on the pool at most."""
    return int(_per_prompt(pool, rule).sum())


def least_offered(pool: Pool, rule: PairRule, spent: int) -> int:
    """How many pairs a round is sure to offer after `spent` labels, whatever prompts they went to.

    Where a prompt offers one pair a round, the worst case is that the labels closed as many prompts
    as they can: the smallest first. Where all listed pairs are offered, what is not spent is there.
    """
    limits_Q = np.sort(_per_prompt(pool, rule))
    limits_Q = limits_Q[limits_Q > 0]
    if offers_all_listed(rule) and len(pool.a):
        return max(0, int(limits_Q.sum()) - spent)
    closed = int(np.searchsorted(np.cumsum(limits_Q), spent, side="right"))
    return len(limits_Q) - closed


def _per_prompt(pool: Pool, rule: PairRule) -> np.ndarray:
    sizes = np.diff(pool.offsets)
    listed = np.bincount(pool.prompt, minlength=len(sizes))
    listed_limit, formed_limit = limits(rule)
    most = np.minimum(listed, listed_limit)
    if rule.rule == "given":
        return most
    formed = np.where(listed > 0, 0, sizes * (sizes - 1) // 2)
    return most + np.minimum(formed, formed_limit)
