"""The steps of one round, shared by the benchmark and the campaign."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prefloop.acquisition.draws import Draws
from prefloop.acquisition.limits import room
from prefloop.acquisition.offer import Judge, Offer, Sight, make_offer
from prefloop.acquisition.ranking import require
from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.acquisition.strength import check_models
from prefloop.acquisition.view import PoolView, Selection
from prefloop.config.model import Benchmark, Reward
from prefloop.config.pair_rules import Auto, PairRule
from prefloop.config.policies import Policy, Random
from prefloop.data.pairs import Pairs, Pool
from prefloop.device import resolve_device
from prefloop.errors import ConfigError, StateError
from prefloop.labels.labelled import Labelled
from prefloop.pool.problem import Problem
from prefloop.reward.inputs import FitInputs
from prefloop.reward.registry import RewardModel, fit_model
from prefloop.rng import Stream, generator

ANY_PAIR = Auto(rule="auto", per_prompt="auto")


@dataclass(frozen=True)
class Batch:
    """Chosen pairs in the order of choice, with the scores they were chosen by."""

    pairs: Pairs
    selection: Selection


def check_budget(pool: Pool, policy: Policy, config: Benchmark, seed: int) -> None:
    """Refuse a budget that the pool cannot meet, before anything is spent.

    The initial and validation pairs are drawn as the run will draw them; nobody is asked about them.

    Raises:
        ConfigError: budget above what the pair rule can give, a round above what it is sure to offer, or
            a rule about models on a pool that does not name them.
    """
    check_models(pool, policy.pairs)
    rule = f"the pair rule '{policy.pairs.rule}' (per_prompt: {policy.pairs.per_prompt})"
    remedy = "lower benchmark.rounds, batch or initial, raise the policy's per_prompt, or add data"
    at_random = len(blind_offer(pool, ANY_PAIR, Pairs.empty(), seed))
    if config.initial + config.validation > at_random:
        raise ConfigError(
            f"{config.initial} initial and {config.validation} validation labels are drawn at random, but the "
            f"pool offers {at_random} comparisons for it: lower benchmark.initial or validation, or add data"
        )
    validation = random_pairs(pool, config.validation, Pairs.empty(), seed, Stream.VALIDATION).pairs
    initial = random_pairs(pool, config.initial, validation, seed, Stream.INITIAL).pairs
    left = room(pool, policy.pairs, Pairs.join(validation, initial))
    chosen = config.budget - config.initial
    if chosen > left.capacity:
        raise ConfigError(
            f"the budget is {config.budget} labels, but after {config.initial} initial"
            f"{f' and {config.validation} validation' if config.validation else ''} ones the pool has "
            f"{left.capacity} comparisons under {rule}: {remedy}"
        )
    offered = left.least_offered(chosen - config.batch, config.rounds - 2) if chosen else config.batch
    if config.batch > offered:
        raise ConfigError(
            f"a round takes {config.batch} comparisons, but {rule} can be down to {offered} in the last round: "
            f"{remedy}"
        )


def blind_offer(pool: Pool, rule: PairRule, taken: Pairs, seed: int) -> Offer:
    """What a rule would offer, without a model: to count it, or to draw from it at random."""

    def nothing(*_: object) -> np.ndarray:
        raise AssertionError("nobody has trained a model for this offer")

    return make_offer(pool, rule, taken, Sight(nothing, nothing, Draws(seed, 0, False), None))


def random_pairs(pool: Pool, n: int, taken: Pairs, seed: int, stream: Stream) -> Batch:
    """Draw n pairs uniformly: the initial labels or the shared validation set.

    They depend on the seed alone, so all policies of a seed share them.

    Raises:
        NothingLeft: the pool has fewer.
    """
    offered = blind_offer(pool, ANY_PAIR, taken, seed)
    require(len(offered), n)
    picks = generator(seed, 0, stream).permutation(len(offered))[:n]
    return Batch(offered.take(picks), Selection(picks, np.zeros(n)))


class _PoolRewards:
    """A model's rewards of the pool: of some completions, or of all, then kept."""

    def __init__(self, problem: Problem, model: RewardModel) -> None:
        self._features, self._model = problem.pool_completions, model

    @cached_property
    def all(self) -> np.ndarray:
        """float32 [M, C_pool]."""
        return self.of(slice(None))

    def of(self, rows: np.ndarray | slice) -> np.ndarray:
        """float32 [M, n] of completion rows int64 [n].

        Raises:
            StateError: a reward that is not finite.
        """
        rewards = self._model.rewards(self._features[rows])
        wrong = np.flatnonzero(~np.isfinite(rewards).all(axis=0))
        if wrong.size:
            raise StateError(
                f"the rewards of {wrong.size} of {rewards.shape[1]} pool completions are not finite: check the "
                "features (prefloop doctor), or lower the ensemble's learning_rate"
            )
        return rewards


def choose_batch(
    problem: Problem,
    policy: Policy,
    model: RewardModel,
    acquired: Pairs,
    reserved: Pairs,
    n: int,
    *,
    seed: int,
    round_: int,
    judge: Judge | None = None,
) -> Batch:
    """Choose the next n pairs by a named policy.

    Args:
        problem: what selection may see.
        policy: the pair rule and the batch policy.
        model: fitted on what was labelled before.
        acquired: pairs acquired before; never chosen again, counted by prompt entropy.
        reserved: further pairs never to be chosen (the validation set).
        n: how many.
        seed: the run's seed.
        round_: the round, from 1.
        judge: gives the judge's scores of completion rows to rules marked as an oracle ceiling; simulated
            runs only.

    Raises:
        NothingLeft: fewer than n candidates.
        ConfigError: the rule needs a judge and there is none, or names of models.
    """
    rewards = _PoolRewards(problem, model)
    # The control differs from random in all that is drawn, the pairs on offer included.
    is_control = isinstance(policy.batch, Random) and policy.batch.stream == "control"
    sight = Sight(rewards.of, lambda: rewards.all, Draws(seed, round_, is_control), judge)
    offer = make_offer(problem.pool, policy.pairs, Pairs.join(acquired, reserved), sight)
    view = PoolView(
        prompt=offer.prompt,
        form=lambda: offer.pairs,
        acquired_a=acquired.a,
        acquired_b=acquired.b,
        acquired_prompt=acquired.prompt,
        predict=lambda: rewards.all,
        last_layer=lambda: model.last_layer(problem.pool_completions),
        features=problem.pool_completions,
        prompt_features=problem.prompts,
        neighbours=lambda: problem.graph,
        prompt_weight=problem.prompt_weight,
        target=problem.target,
        round=round_,
        seed=seed,
    )
    choose = BATCH_POLICIES[policy.batch.policy]
    selection = choose(view, n, generator(seed, round_, Stream.SELECT), policy.batch)
    return Batch(offer.take(selection.picks), selection)


def fit_round(
    problem: Problem,
    reward: Reward,
    labelled: Labelled,
    validation: Labelled | None,
    *,
    device: str,
    seed: int,
    round_: int,
) -> RewardModel:
    """Train the reward model from scratch on everything labelled so far, weighted for the declared target.

    A random choice from the pool is what target `pairs` asks for, so there labels count alike.
    """
    balance = 0.0 if problem.target == "pairs" else reward.balance
    inputs = FitInputs(
        problem.completions,
        labelled.comparisons(balance),
        seed=seed,
        round_=round_,
        validation=validation.comparisons(balance) if validation is not None else None,
        moments=lambda: problem.moments,
        device=resolve_device(device),
        groups=labelled.groups(problem.prepared.text),
    )
    return fit_model(reward, inputs)
