"""One simulated run: rounds of choose, reveal, train, evaluate, resumable at every round."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from prefloop.acquisition.offer import Judge
from prefloop.config.model import Benchmark, Reward
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.device import resolve_device, set_threads
from prefloop.labels.labelled import Labelled
from prefloop.oracle.calls import JudgeCalls
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.facts import NewRound, evaluate_round
from prefloop.pool.problem import Problem
from prefloop.pool.record import RoundRecord, RoundStore
from prefloop.pool.steps import (
    Batch,
    check_budget,
    choose_batch,
    fit_round,
    random_pairs,
)
from prefloop.reward.registry import RewardModel
from prefloop.rng import Stream

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class RunSpec:
    """What identifies one run: a named policy, a seed, and the parameters in force."""

    name: str
    policy: Policy
    seed: int
    benchmark: Benchmark
    reward: Reward


@dataclass(frozen=True)
class RunResult:
    """All rounds of a run, everything labelled in them in order, and the model of the last."""

    rounds: list[RoundRecord]
    labelled: Labelled
    model: RewardModel


def run_rounds(
    problem: Problem,
    hidden: HiddenAnswers,
    oracle: SimulatedOracle,
    spec: RunSpec,
    store: RoundStore,
    on_round: Callable[[RoundRecord, float], None],
) -> RunResult:
    """Run, or resume, one (policy, seed).

    Args:
        problem: what selection may see.
        hidden: evaluation pairs; read after a round's model is trained.
        oracle: answers chosen pairs.
        spec: policy, seed and parameters.
        store: finished rounds are read from and committed to it.
        on_round: called with every newly finished round and the seconds it took.

    Raises:
        ConfigError: the budget is above what the pool allows (before anything is spent).
    """
    config = spec.benchmark
    check_budget(problem.pool, spec.policy, config, spec.seed)
    set_threads(config.threads)
    validation = _validation(problem, oracle, spec)
    records = store.load()[: config.rounds]
    labelled = Labelled.empty()
    for record in records:
        labelled = labelled.join(record.batch.pairs, record.verdicts)
    identity = {"policy": spec.name, "seed": spec.seed, "n_val_labels": config.validation}
    calls = JudgeCalls(oracle, len(problem.completions))
    for record in records:
        calls.add(record.batch.pairs, record.looked_at)
    model = _resumed_model(problem, spec, store, labelled, validation, records)
    if records:
        log.info("%s-%d: resuming after round %d", spec.name, spec.seed, records[-1].number)
    for number in range(len(records), config.rounds):
        start = time.perf_counter()
        batch = _choose(problem, spec, model, labelled, validation, number, calls.scores)
        looked_at = calls.looked_at()
        verdicts = oracle.verdicts(batch.pairs.a, batch.pairs.b)
        calls.add(batch.pairs, looked_at)
        labelled = labelled.join(batch.pairs, verdicts)
        model = _fit(problem, spec, store, labelled, validation, number)
        new = NewRound(number, batch, verdicts, looked_at, calls.total)
        record = evaluate_round(problem, hidden, identity, model, labelled, new)
        store.commit(record, spec.reward.kind, model)
        records.append(record)
        on_round(record, time.perf_counter() - start)
    assert model is not None
    return RunResult(records, labelled, model)


def _validation(problem: Problem, oracle: SimulatedOracle, spec: RunSpec) -> Labelled | None:
    if not spec.benchmark.validation:
        return None
    pairs = random_pairs(
        problem.pool, spec.benchmark.validation, Pairs.empty(), spec.seed, Stream.VALIDATION
    ).pairs
    return Labelled(pairs, oracle.verdicts(pairs.a, pairs.b))


def _choose(
    problem: Problem,
    spec: RunSpec,
    model: RewardModel | None,
    labelled: Labelled,
    validation: Labelled | None,
    number: int,
    judge: Judge,
) -> Batch:
    reserved = validation.pairs if validation is not None else Pairs.empty()
    if number == 0 or model is None:
        return random_pairs(problem.pool, spec.benchmark.initial, reserved, spec.seed, Stream.INITIAL)
    return choose_batch(
        problem,
        spec.policy,
        model,
        labelled.pairs,
        reserved,
        spec.benchmark.batch,
        seed=spec.seed,
        round_=number,
        judge=judge,
    )


def _fit(
    problem: Problem,
    spec: RunSpec,
    store: RoundStore,
    labelled: Labelled,
    validation: Labelled | None,
    number: int,
) -> RewardModel:
    start = time.perf_counter()
    model = fit_round(
        problem,
        spec.reward,
        labelled,
        validation,
        device=spec.benchmark.device,
        seed=spec.seed,
        round_=number,
    )
    store.note({"event": "fit", "round": number, "seconds": time.perf_counter() - start})
    return model


def _resumed_model(
    problem: Problem,
    spec: RunSpec,
    store: RoundStore,
    labelled: Labelled,
    validation: Labelled | None,
    records: list[RoundRecord],
) -> RewardModel | None:
    if not records:
        return None
    number = records[-1].number
    kept = store.load_model(number, resolve_device(spec.benchmark.device))
    return kept if kept is not None else _fit(problem, spec, store, labelled, validation, number)
