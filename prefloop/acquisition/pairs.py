"""Pair rules: which pair of a prompt's completions is offered to the batch policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.config.policies import PairRule
from prefloop.data.prepared import Prepared

NO_LIMIT = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Pool:
    """The pool's structure by row number; it holds no answer.

    Attributes:
        offsets: int64 [Q + 1], completions of pool prompt q are rows offsets[q] .. offsets[q + 1] - 1.
        a, b, prompt: int64 [N], the listed pairs.
        completions: C, the number of all completions (pool and not), for pair keys.
    """

    offsets: np.ndarray
    a: np.ndarray
    b: np.ndarray
    prompt: np.ndarray
    completions: int

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


def candidate_pairs(pool: Pool, rule: PairRule, acquired: Pairs, rng: np.random.Generator) -> Pairs:
    """The pairs a batch policy may choose from in one round; none was acquired before.

    Listed pairs are all offered when a prompt may give any number of them. Otherwise each prompt
    below its limit offers one pair a round: a listed one, or one formed of its completions.

    Args:
        pool: the pool.
        rule: section `pairs` of a named policy.
        acquired: everything acquired so far.
        rng: stream PAIR_RULE of the round.
    """
    listed = Pairs(pool.a, pool.b, pool.prompt)
    fresh = listed.take(~np.isin(pool.keys(pool.a, pool.b), pool.keys(acquired.a, acquired.b)))
    has_list = np.zeros(len(pool.offsets) - 1, dtype=bool)
    has_list[pool.prompt] = True
    used = np.bincount(acquired.prompt, minlength=len(has_list))
    listed_limit, formed_limit = limits(rule)
    if rule.rule == "random" or listed_limit < NO_LIMIT:
        fresh = _one_per_prompt(fresh.take(used[fresh.prompt] < listed_limit), rng)
    if rule.rule == "given":
        return fresh
    open_ = np.flatnonzero(~has_list & (used < formed_limit))
    return Pairs.join(fresh, _formed(pool, open_, acquired, rng))


def limits(rule: PairRule) -> tuple[int, int]:
    """Pairs per prompt at most, for prompts with listed pairs and for those with formed ones."""
    if isinstance(rule.per_prompt, int):
        return rule.per_prompt, rule.per_prompt
    if rule.per_prompt == "unlimited":
        return NO_LIMIT, NO_LIMIT
    return (1 if rule.rule == "random" else NO_LIMIT), 1


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
    listed_limit, _ = limits(rule)
    if rule.rule != "random" and listed_limit == NO_LIMIT and len(pool.a):
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


def _one_per_prompt(pairs: Pairs, rng: np.random.Generator) -> Pairs:
    shuffled = pairs.take(rng.permutation(len(pairs)))
    _, first = np.unique(shuffled.prompt, return_index=True)
    return shuffled.take(first)


def _formed(pool: Pool, prompts: np.ndarray, acquired: Pairs, rng: np.random.Generator) -> Pairs:
    # Uniform over the pairs not yet acquired: draw, and draw again where the pair is taken.
    taken = pool.keys(acquired.a, acquired.b)
    used = np.bincount(acquired.prompt, minlength=len(pool.offsets) - 1)
    size = np.diff(pool.offsets)
    waiting = prompts[used[prompts] < (size * (size - 1) // 2)[prompts]]
    parts = [Pairs.empty()]
    while len(waiting):
        k = size[waiting]
        first = rng.integers(0, k)
        second = rng.integers(0, k - 1)
        second += second >= first
        start = pool.offsets[waiting]
        drawn = Pairs(start + np.minimum(first, second), start + np.maximum(first, second), waiting)
        free = ~np.isin(pool.keys(drawn.a, drawn.b), taken)
        parts.append(drawn.take(free))
        waiting = waiting[~free]
    formed = Pairs.join(*parts)
    return formed.take(np.argsort(formed.prompt, kind="stable"))
