"""Candidates of a round: listed pairs, and prompts that give one pair each by a pair rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prefloop.acquisition.capacity import limits, offers_all_listed
from prefloop.acquisition.free_pairs import FreePairs, blocks, formed_pairs, listed_pairs
from prefloop.acquisition.registry import pair_rule
from prefloop.acquisition.responses import Draws, PairParameters, ResponsesView
from prefloop.acquisition.rules import FixedPair
from prefloop.acquisition.segments import Segments
from prefloop.acquisition.strength import strengths
from prefloop.acquisition.view import PoolRewards
from prefloop.data.pairs import Pairs, Pool
from prefloop.errors import ConfigError

Judge = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Candidates:
    """The candidates of one round; no pair in it was acquired before.

    First come all `listed` pairs, then one pair of each of `prompts`. Those are formed when they are
    asked for: a batch policy that looks at prompts alone pays for the prompts it picks.

    Attributes:
        pool: the pool.
        rule: key `pairs` of a named policy.
        taken: pairs acquired or reserved.
        listed: pairs on offer as they are.
        prompts: int64, ascending; each gives one pair.
        draws: the round's random numbers.
        predicted: the model's rewards; None before there is a model, for rules that ask for none.
        judge: gives float64 [n], the judge's scores of completion rows int64 [n], to rules marked as an oracle
            upper bound; None where nobody can be asked.
    """

    pool: Pool
    rule: PairParameters
    taken: Pairs
    listed: Pairs
    prompts: np.ndarray
    draws: Draws
    predicted: PoolRewards | None = None
    judge: Judge | None = None

    def __len__(self) -> int:
        return len(self.listed) + len(self.prompts)

    @cached_property
    def prompt(self) -> np.ndarray:
        """int64 [N], prompt row of every candidate."""
        return np.concatenate([self.listed.prompt, self.prompts])

    @cached_property
    def pairs(self) -> Pairs:
        """All candidates."""
        return Pairs.join(self.listed, self._form(self.prompts, whole_pool=True))

    def take(self, rows: np.ndarray) -> Pairs:
        """Some candidates; forms no more pairs than these, unless all are formed already."""
        if "pairs" in self.__dict__:
            return self.pairs.take(rows)
        formed = np.flatnonzero(rows >= len(self.listed))
        prompts = self.prompts[rows[formed] - len(self.listed)]
        order = np.argsort(prompts)
        result = Pairs.join(
            self.listed.take(rows[rows < len(self.listed)]), self._form(prompts[order], whole_pool=False)
        )
        place = np.empty(len(rows), dtype=np.int64)
        place[np.flatnonzero(rows < len(self.listed))] = np.arange(len(rows) - len(formed))
        place[formed[order]] = len(rows) - len(formed) + np.arange(len(formed))
        return result.take(place)

    def _form(self, prompts: np.ndarray, *, whole_pool: bool) -> Pairs:
        is_listed = self.pool.listed[prompts] > 0
        of_list, of_responses = prompts[is_listed], prompts[~is_listed]
        parts = [self._choose(part, self._listed_free(part), whole_pool) for part in _parts(self.pool, of_list)]
        parts += [
            self._choose(part, formed_pairs(self.pool, part, self.taken), whole_pool)
            for part in _parts(self.pool, of_responses)
        ]
        formed = Pairs.join(Pairs.empty(), *parts)
        return formed.take(np.argsort(formed.prompt, kind="stable"))

    def _listed_free(self, prompts: np.ndarray) -> FreePairs:
        fresh = self._fresh
        return listed_pairs(self.pool, prompts, fresh.take(np.isin(fresh.prompt, prompts)))

    @cached_property
    def _fresh(self) -> Pairs:
        return _fresh_listed(self.pool, self.taken)

    def _choose(self, prompts: np.ndarray, free: FreePairs, whole_pool: bool) -> Pairs:
        responses = Segments(self.pool.sizes[prompts])
        rows = responses.spread(self.pool.offsets[prompts] - responses.starts) + np.arange(responses.counts.sum())
        chosen_rule, draws = pair_rule(self.rule.rule), self.draws
        view = ResponsesView(
            free=free,
            by_prompt=responses,
            predict=lambda: self._rewards(rows, whole_pool),
            characters=lambda: self.pool.characters[rows],
            strength=lambda: self._strengths[rows],
            judge=lambda: _ask(self.judge if chosen_rule.reads_judge else None, self.rule, rows),
            uniform=lambda number: draws.prompts(number, prompts),
            member=lambda number: draws.members(number, prompts),
            noise=lambda number: draws.responses(number, rows),
        )
        chosen = chosen_rule.choose(view, self.rule)
        i, j = rows[free.first[chosen]], rows[free.second[chosen]]
        return Pairs(np.minimum(i, j), np.maximum(i, j), prompts)

    def _rewards(self, rows: np.ndarray, whole_pool: bool) -> np.ndarray:
        assert self.predicted is not None, "nobody has trained a model for these candidates"
        return self.predicted.all[:, rows] if whole_pool else self.predicted.of(rows)

    @cached_property
    def _strengths(self) -> np.ndarray:
        rule, predicted = self.rule, self.predicted
        assert isinstance(rule, FixedPair)
        assert predicted is not None
        return strengths(self.pool, rule, lambda: predicted.all.mean(axis=0))


def find_candidates(
    pool: Pool,
    rule: PairParameters,
    taken: Pairs,
    draws: Draws,
    predicted: PoolRewards | None = None,
    judge: Judge | None = None,
) -> Candidates:
    """Find a round's candidates.

    Listed pairs are all candidates under `given` and `auto` when a prompt may give any number of them.
    Otherwise each prompt below its limit gives one pair a round: a listed one where pairs are
    listed, or one formed of its completions.

    Args:
        pool: the pool.
        rule: key `pairs` of a named policy.
        taken: everything acquired or reserved so far.
        draws: the round's random numbers.
        predicted: the model's rewards, or None before there is a model.
        judge: asked by rules marked as an oracle upper bound, in simulated runs alone.
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
    return Candidates(pool, rule, taken, fresh, np.flatnonzero(gives_one), draws, predicted, judge)


def _fresh_listed(pool: Pool, taken: Pairs) -> Pairs:
    listed = Pairs(pool.a, pool.b, pool.prompt)
    return listed.take(~np.isin(pool.keys(pool.a, pool.b), pool.keys(taken.a, taken.b)))


def _parts(pool: Pool, prompts: np.ndarray) -> list[np.ndarray]:
    return [prompts[part] for part in blocks(pool, prompts)]


def _ask(judge: Judge | None, rule: PairParameters, rows: np.ndarray) -> np.ndarray:
    if judge is None:
        raise ConfigError(
            f"pair rule '{rule.rule}' reads a judge's scores of all responses, which only simulated runs have: "
            "choose another policy"
        )
    return judge(rows)
