"""The steps of one round, shared by the benchmark and the campaign."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.acquisition.candidates import Candidates, Judge, find_candidates
from prefloop.acquisition.capacity import capacity
from prefloop.acquisition.registry import batch_policy
from prefloop.acquisition.responses import Draws, PairParameters
from prefloop.acquisition.scores import Random
from prefloop.acquisition.strength import check_models
from prefloop.acquisition.view import PoolRewards, PoolView, Selection, require
from prefloop.config.model import Benchmark, Reward
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs, Pool
from prefloop.device import resolve_device
from prefloop.errors import ConfigError
from prefloop.labels.labelled import Labelled
from prefloop.pool.problem import Problem
from prefloop.reward.inputs import FitInputs
from prefloop.reward.registry import UncertaintyModel, fit_model
from prefloop.rng import Stream, generator

ANY_PAIR = PairParameters(rule="auto", per_prompt="auto")


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
    at_random = len(blind_candidates(pool, ANY_PAIR, Pairs.empty(), seed))
    if config.initial + config.validation > at_random:
        raise ConfigError(
            f"{config.initial} initial and {config.validation} validation labels are drawn at random, but the "
            f"pool offers {at_random} comparisons for it: lower benchmark.initial or validation, or add data"
        )
    validation = random_pairs(pool, config.validation, Pairs.empty(), seed, Stream.VALIDATION).pairs
    initial = random_pairs(pool, config.initial, validation, seed, Stream.INITIAL).pairs
    left = capacity(pool, policy.pairs, Pairs.join(validation, initial))
    chosen = config.budget - config.initial
    if chosen > left.total:
        raise ConfigError(
            f"the budget is {config.budget} labels, but after {config.initial} initial"
            f"{f' and {config.validation} validation' if config.validation else ''} ones the pool has "
            f"{left.total} comparisons under {rule}: {remedy}"
        )
    offered = left.least_offered(chosen - config.batch, config.rounds - 2) if chosen else config.batch
    if config.batch > offered:
        raise ConfigError(
            f"a round takes {config.batch} comparisons, but {rule} can be down to {offered} in the last round: "
            f"{remedy}"
        )


def blind_candidates(pool: Pool, rule: PairParameters, taken: Pairs, seed: int) -> Candidates:
    """Candidates under a rule, without a model: to be counted, or drawn from at random."""
    return find_candidates(pool, rule, taken, Draws(seed, 0, False))


def random_pairs(pool: Pool, n: int, taken: Pairs, seed: int, stream: Stream) -> Batch:
    """Draw n pairs uniformly: the initial labels or the shared validation set.

    They depend on the seed alone, so all policies of a seed share them.

    Raises:
        NothingLeft: the pool has fewer.
    """
    candidates = blind_candidates(pool, ANY_PAIR, taken, seed)
    require(len(candidates), n)
    picks = generator(seed, 0, stream).permutation(len(candidates))[:n]
    return Batch(candidates.take(picks), Selection(picks, np.zeros(n)))


def choose_batch(
    problem: Problem,
    policy: Policy,
    model: UncertaintyModel,
    acquired: Pairs,
    reserved: Pairs,
    n: int,
    *,
    seed: int,
    round_: int,
    judge: Judge | None = None,
    stream: Stream = Stream.SELECT,
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
        judge: gives the judge's scores of completion rows to rules marked as an oracle upper bound; simulated
            runs only.
        stream: what the batch policy draws from.

    Raises:
        NothingLeft: fewer than n candidates.
        ConfigError: the rule needs a judge and there is none, or names of models.
    """
    predicted = PoolRewards(model, problem.pool_completions)
    # The control differs from random in all that is drawn, the pairs that are formed included.
    is_control = isinstance(policy.batch, Random) and policy.batch.stream == "control"
    draws = Draws(seed, round_, is_control)
    taken = Pairs.join(acquired, reserved)
    candidates = find_candidates(problem.pool, policy.pairs, taken, draws, predicted, judge)
    view = PoolView(
        prompt=candidates.prompt,
        form=lambda: candidates.pairs,
        acquired_a=acquired.a,
        acquired_b=acquired.b,
        acquired_prompt=acquired.prompt,
        predicted=predicted,
        features=problem.pool_completions,
        prompt_features=problem.prompts,
        neighbours=lambda: problem.graph,
        prompt_weight=problem.prompt_weight,
        target=problem.target,
        round=round_,
        seed=seed,
    )
    choose = batch_policy(policy.batch.policy).choose
    selection = choose(view, n, generator(seed, round_, stream), policy.batch)
    return Batch(candidates.take(selection.picks), selection)


def fit_round(
    problem: Problem,
    reward: Reward,
    labelled: Labelled,
    validation: Labelled | None,
    *,
    device: str,
    seed: int,
    round_: int,
) -> UncertaintyModel:
    """Train the uncertainty model from scratch on everything labelled so far, weighted for the declared target.

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
