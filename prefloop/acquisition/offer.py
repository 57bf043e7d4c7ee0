"""What one round offers to the batch policy: listed pairs, and prompts that give one pair each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prefloop.acquisition.draws import Draws
from prefloop.acquisition.free import blocks, formed_pairs, listed_pairs
from prefloop.acquisition.limits import limits, offers_all_listed
from prefloop.acquisition.registry import PAIR_RULES
from prefloop.acquisition.segments import Segments
from prefloop.acquisition.slate import Free, Slate
from prefloop.acquisition.strength import strengths
from prefloop.config.pair_rules import ORACLE_CEILINGS, FixedPair, PairRule
from prefloop.data.pairs import Pairs, Pool
from prefloop.errors import ConfigError

Judge = Callable[[np.ndarray], np.ndarray]
Rewards = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Sight:
    """What pair rules may look at in one round.

    Attributes:
        rewards: gives float32 [M, n], members' rewards of completion rows int64 [n].
        pool_rewards: gives float32 [M, C_pool], those of the whole pool.
        draws: the round's random numbers.
        judge: gives float64 [n], the judge's scores of completion rows, or None where nobody can be
            asked; for rules marked as an oracle ceiling only.
    """

    rewards: Rewards
    pool_rewards: Callable[[], np.ndarray]
    draws: Draws
    judge: Judge | None


@dataclass(frozen=True)
class Offer:
    """The candidates of one round; no pair in it was acquired before.

    First come all `listed` pairs, then one pair of each of `prompts`. Those are formed when they are
    asked for: a batch policy that looks at prompts alone pays for the prompts it picks.

    Attributes:
        pool: the pool.
        rule: key `pairs` of a named policy.
        taken: pairs acquired or reserved.
        listed: pairs on offer as they are.
        prompts: int64, ascending; each gives one pair.
        sight: what the rule may look at.
    """

    pool: Pool
    rule: PairRule
    taken: Pairs
    listed: Pairs
    prompts: np.ndarray
    sight: Sight

    def __len__(self) -> int:
        return len(self.listed) + len(self.prompts)

    @cached_property
    def prompt(self) -> np.ndarray:
        """int64 [N], prompt row of every candidate."""
        return np.concatenate([self.listed.prompt, self.prompts])

    @cached_property
    def pairs(self) -> Pairs:
        """All candidates."""
        return Pairs.join(self.listed, self._form(self.prompts, lambda rows: self.sight.pool_rewards()[:, rows]))

    def take(self, rows: np.ndarray) -> Pairs:
        """Some candidates; forms no more pairs than these, unless all are formed already."""
        if "pairs" in self.__dict__:
            return self.pairs.take(rows)
        formed = np.flatnonzero(rows >= len(self.listed))
        prompts = self.prompts[rows[formed] - len(self.listed)]
        order = np.argsort(prompts)
        result = Pairs.join(
            self.listed.take(rows[rows < len(self.listed)]), self._form(prompts[order], self.sight.rewards)
        )
        place = np.empty(len(rows), dtype=np.int64)
        place[np.flatnonzero(rows < len(self.listed))] = np.arange(len(rows) - len(formed))
        place[formed[order]] = len(rows) - len(formed) + np.arange(len(formed))
        return result.take(place)

    def _form(self, prompts: np.ndarray, rewards: Rewards) -> Pairs:
        is_listed = self.pool.listed[prompts] > 0
        of_list, of_responses = prompts[is_listed], prompts[~is_listed]
        parts = [self._choose(part, self._listed_free(part), rewards) for part in _parts(self.pool, of_list)]
        parts += [
            self._choose(part, formed_pairs(self.pool, part, self.taken), rewards)
            for part in _parts(self.pool, of_responses)
        ]
        found = Pairs.join(Pairs.empty(), *parts)
        return found.take(np.argsort(found.prompt, kind="stable"))

    def _listed_free(self, prompts: np.ndarray) -> Free:
        fresh = self._fresh
        return listed_pairs(self.pool, prompts, fresh.take(np.isin(fresh.prompt, prompts)))

    @cached_property
    def _fresh(self) -> Pairs:
        return _fresh_listed(self.pool, self.taken)

    def _choose(self, prompts: np.ndarray, free: Free, rewards: Rewards) -> Pairs:
        responses = Segments(self.pool.sizes[prompts])
        rows = responses.spread(self.pool.offsets[prompts] - responses.starts) + np.arange(responses.counts.sum())
        draws = self.sight.draws
        slate = Slate(
            free=free,
            by_prompt=responses,
            predict=lambda: rewards(rows),
            characters=lambda: self.pool.characters[rows],
            strength=lambda: self._strengths[rows],
            judge=lambda: _ask(self.sight.judge, self.rule, rows),
            uniform=lambda number: draws.prompts(number, prompts),
            member=lambda number: draws.members(number, prompts),
            noise=lambda number: draws.responses(number, rows),
        )
        chosen = PAIR_RULES[self.rule.rule](slate, self.rule)
        i, j = rows[free.first[chosen]], rows[free.second[chosen]]
        return Pairs(np.minimum(i, j), np.maximum(i, j), prompts)

    @cached_property
    def _strengths(self) -> np.ndarray:
        assert isinstance(self.rule, FixedPair)
        return strengths(self.pool, self.rule, lambda: self.sight.pool_rewards().mean(axis=0))


def make_offer(pool: Pool, rule: PairRule, taken: Pairs, sight: Sight) -> Offer:
    """Find what a round offers.

    Listed pairs are all offered by `given` and `auto` when a prompt may give any number of them.
    Otherwise each prompt below its limit offers one pair a round: a listed one where pairs are
    listed, or one formed of its completions.

    Args:
        pool: the pool.
        rule: key `pairs` of a named policy.
        taken: everything acquired or reserved so far.
        sight: what the rule may look at.
    """
    fresh = _fresh_listed(pool, taken)
    sizes = pool.sizes
    used = np.bincount(taken.prompt, minlength=len(sizes))
    listed_limit, formed_limit = limits(rule)
    gives_one = (
        (pool.listed == 0) & (used < np.minimum(formed_limit, sizes * (sizes - 1) // 2)) & (rule.rule != "given")
    )
    if not offers_all_listed(rule):
        left = np.bincount(fresh.prompt, minlength=len(sizes)) > 0
        gives_one |= left & (used < listed_limit)
        fresh = Pairs.empty()
    return Offer(pool, rule, taken, fresh, np.flatnonzero(gives_one), sight)


def _fresh_listed(pool: Pool, taken: Pairs) -> Pairs:
    listed = Pairs(pool.a, pool.b, pool.prompt)
    return listed.take(~np.isin(pool.keys(pool.a, pool.b), pool.keys(taken.a, taken.b)))


def _parts(pool: Pool, prompts: np.ndarray) -> list[np.ndarray]:
    return [prompts[part] for part in blocks(pool, prompts)]


def _ask(judge: Judge | None, rule: PairRule, rows: np.ndarray) -> np.ndarray:
    if judge is None or rule.rule not in ORACLE_CEILINGS:
        raise ConfigError(
            f"pair rule '{rule.rule}' reads a judge's scores of all responses, which only simulated runs have: "
            "choose another policy"
        )
    return judge(rows)
