"""One simulated run from files to files: what the benchmark stage and `prefloop bench` call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

import prefloop
from prefloop.assessment.fresh import assess
from prefloop.assessment.result import Assessment
from prefloop.config import Params
from prefloop.config.pair_rules import ORACLE_CEILINGS
from prefloop.device import resolve_device
from prefloop.errors import ConfigError
from prefloop.io.documents import to_json
from prefloop.io.hashing import source_digest, text_id
from prefloop.io.layout import Layout
from prefloop.io.lock import locked
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.rounds.hidden import HiddenAnswers
from prefloop.rounds.loop import RunSpec, run_rounds
from prefloop.rounds.output import write_run
from prefloop.rounds.problem import Problem, dataset_name, inputs_digest
from prefloop.rounds.record import RoundRecord, RoundStore
from prefloop.rounds.steps import Labelled, check_budget
from prefloop.versions import versions

Observer = Callable[[RoundRecord, float], None]


def run_benchmark(
    params: Params,
    layout: Layout,
    problem: Problem,
    hidden: HiddenAnswers,
    name: str,
    seed: int,
    observe: Callable[[dict[str, Any]], Observer],
) -> Path:
    """Run or resume one (policy, seed) and write its folder.

    Args:
        params: parameters in force.
        layout: where state and outputs lie.
        problem: loaded inputs.
        hidden: hidden answers of the same inputs.
        name: a policy named in params.yaml.
        seed: the run's seed.
        observe: given run.json's content, returns what is called after every round.

    Returns:
        The run's folder.

    Raises:
        ConfigError: no such policy, an impossible seed, or a budget above what the pool allows.
    """
    if name not in params.policies:
        raise ConfigError(f"unknown policy '{name}'; known: {', '.join(sorted(params.policies))}")
    if not 0 <= seed < 2**32:
        raise ConfigError(f"seed {seed}: expected an integer from 0 to 2**32 - 1")
    about = describe_run(params, layout, problem, name, seed)
    spec = RunSpec(name, params.policies[name], seed, params.benchmark, params.reward)
    oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
    state = layout.state / "runs" / name / str(seed)
    with locked(state):
        store = RoundStore(state, about["fingerprint"])
        result = run_rounds(problem, hidden, oracle, spec, store, observe(about))
        assessed = _assess(params, problem, store, result.labelled, seed)
        folder = layout.run(name, seed)
        write_run(folder, result, assessed, problem.prepared, hidden, about, params.reward.kind)
    return folder


def check_policies(params: Params, problem: Problem, hidden: HiddenAnswers) -> None:
    """Refuse what any of the configured runs would refuse, before the first of them starts.

    Raises:
        ConfigError: a budget above what the pool allows under a policy, or a rule that lacks models' names.
        DataError: a rule that reads the judge's scores, and a pool completion without one.
    """
    for name in params.benchmark.policies:
        policy = params.policies[name]
        for seed in params.benchmark.seeds:
            check_budget(problem, policy, params.benchmark, seed)
        if policy.pairs.rule in ORACLE_CEILINGS:
            oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
            oracle.scores(np.arange(problem.prepared.completions_of("pool").stop))


def _assess(params: Params, problem: Problem, store: RoundStore, labelled: Labelled, seed: int) -> Assessment:
    key = text_id(to_json(params.assessment.model_dump(mode="json")), str(len(labelled.pairs)))
    kept = store.assessment(key)
    if kept is None:
        device = params.benchmark.device
        kept = assess(problem, labelled, params.reward, params.assessment, seed=seed, device=device)
        store.keep_assessment(key, kept)
    return kept


def describe_run(params: Params, layout: Layout, problem: Problem, name: str, seed: int) -> dict[str, Any]:
    """Content of run.json: what was run, on what, with which parameters and versions.

    The fingerprint covers all that decides the run's bytes but the number of rounds, so that a
    longer run continues a shorter one.
    """
    sections = {
        "policy": params.policies[name].model_dump(mode="json"),
        "reward": params.reward.model_dump(mode="json"),
        "oracle": params.oracle.model_dump(mode="json"),
        "benchmark": params.benchmark.model_dump(mode="json", exclude={"policies", "seeds", "rounds"}),
    }
    parts = [name, str(seed), to_json(sections), to_json(versions()), inputs_digest(layout), _source()]
    # Other threads or another device give other last bits, and then other choices.
    threads = params.benchmark.threads or torch.get_num_threads()
    device = str(resolve_device(params.benchmark.device))
    return {
        "policy": name,
        "seed": seed,
        "dataset": dataset_name(params),
        "fingerprint": text_id(*parts, str(threads), device),
        "parameters": {
            **sections,
            "benchmark": {**sections["benchmark"], "rounds": params.benchmark.rounds},
            "assessment": params.assessment.model_dump(mode="json"),
        },
        "encoder": problem.features.manifest,
        "versions": versions(),
        "budget": params.benchmark.budget,
    }


def _source() -> str:
    package = Path(prefloop.__file__).resolve().parent
    return source_digest(package.parent, package / "rounds" / "loop.py")
