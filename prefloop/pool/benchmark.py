"""One simulated run from files to files: what the benchmark stage and `prefloop bench` call."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np

from prefloop.acquisition.registry import ORACLE_UPPER_BOUNDS
from prefloop.config import Params
from prefloop.data.pairs import Pool
from prefloop.data.prepared import Prepared
from prefloop.device import set_threads
from prefloop.evaluation.downstream.result import DownstreamPredictions
from prefloop.evaluation.downstream.retrained import downstream_predictions
from prefloop.identity import circumstances, parts
from prefloop.io.hashing import text_id
from prefloop.io.json import to_json
from prefloop.oracle.answered import answered, check_answered
from prefloop.oracle.answers import Answers
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.identity import LIBRARIES, Identity
from prefloop.pool.loop import PoolRun, RunSpec
from prefloop.pool.output import write_run
from prefloop.pool.problem import Problem, division_of
from prefloop.pool.record import RoundRecord
from prefloop.pool.steps import check_budget
from prefloop.rounds.driver import Run
from prefloop.rounds.store import RoundStore

Observer = Callable[[RoundRecord, float], None]


def run_benchmark(
    identity: Identity, problem: Problem, hidden: HiddenAnswers, name: str, seed: int, observer: Observer
) -> Path:
    """Run or resume one (policy, seed) and write its folder.

    Args:
        identity: parameters in force, and where state and outputs lie.
        problem: the seed's division of the inputs.
        hidden: hidden answers of the same division.
        name: a policy named in params.yaml.
        seed: the run's seed.
        observer: called after every round.

    Returns:
        The run's folder.

    Raises:
        ConfigError: no such policy, an impossible seed, or a budget above what the pool allows.
    """
    params, layout = identity.params, identity.layout
    set_threads(params.benchmark.threads)
    about = identity.about(name, seed) | circumstances(LIBRARIES)
    oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
    spec = RunSpec(name, params.policies[name], seed, params.benchmark, params.reward, params.labels.ties)
    workflow = PoolRun(problem, hidden, oracle, spec)

    def write(folder: Path, records: list[RoundRecord]) -> None:
        predicted = _downstream(params, problem, workflow, seed)
        write_run(folder, records, workflow.model, predicted, problem.prepared, hidden, about, params.reward.kind)

    state = layout.state / "runs" / name / str(seed)
    run = Run(state, about["fingerprint"], identity.decisive(name, seed), layout.run(name, seed))
    return run.make(workflow, observer, write)


def check_policies(params: Params, stored: Prepared, answers: Answers) -> None:
    """Refuse what any of the configured runs would refuse, before the first of them starts.

    Needs the prepared tables alone, so nothing has to be embedded for it.

    Args:
        params: parameters in force.
        stored: the prepared tables.
        answers: their hidden answers.

    Raises:
        ConfigError: a budget above what the pool allows under a policy, or a rule that lacks models' names.
        DataError: a pool without any answer; a rule that reads the judge's scores, and a completion without one.
    """
    usable = answered(stored, answers)
    check_answered(stored, usable)
    policies = {name: params.policies[name] for name in params.benchmark.policies}
    for seed in params.benchmark.seeds:
        division = division_of(stored, params.data, seed, usable)
        pool = Pool.of(division.prepared)
        for policy in policies.values():
            check_budget(pool, policy, params.benchmark, seed)
        if any(policy.pairs.rule in ORACLE_UPPER_BOUNDS for policy in policies.values()):
            hidden = answers.take(division.pairs, division.completions)
            oracle = SimulatedOracle(params.oracle, division.prepared, hidden)
            oracle.scores(np.arange(division.prepared.completions_of("pool").stop))


def _downstream(params: Params, problem: Problem, workflow: PoolRun, seed: int) -> DownstreamPredictions:
    section = to_json(params.downstream.model_dump(mode="json"))
    key = text_id(section, to_json(parts(["downstream"])), str(len(workflow.labelled.pairs)))
    if (kept := _kept_downstream(workflow.store, key)) is not None:
        return kept
    made = downstream_predictions(
        problem, workflow.trains, params.reward, params.downstream, seed=seed, device=params.benchmark.device
    )
    tensors = {"n_labels": made.n_labels, "rewards": made.rewards, "log_policy": made.log_policy}
    workflow.store.keep("downstream", tensors, {"key": key, "shares": to_json(list(made.shares))})
    return made


def _kept_downstream(store: RoundStore[RoundRecord], key: str) -> DownstreamPredictions | None:
    kept = store.kept("downstream")
    # Another key: other shares, other rounds.
    if kept is None or kept[1].get("key") != key:
        return None
    tensors, metadata = kept
    shares = tuple(json.loads(metadata["shares"]))
    return DownstreamPredictions(shares, *(tensors[name] for name in ("n_labels", "rewards", "log_policy")))
