"""One simulated run from files to files: what the benchmark stage and `prefloop bench` call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

import prefloop
from prefloop.config import Params
from prefloop.config.pair_rules import ORACLE_CEILINGS
from prefloop.data.pairs import Pool
from prefloop.data.prepared import Prepared
from prefloop.device import resolve_device
from prefloop.embed.features import MANIFEST
from prefloop.errors import ConfigError
from prefloop.evaluation.downstream.fresh import assess
from prefloop.evaluation.downstream.result import Assessment
from prefloop.io.documents import read_json, to_json
from prefloop.io.hashing import source_digest, text_id
from prefloop.io.layout import Layout
from prefloop.io.lock import locked
from prefloop.labels.labelled import Labelled
from prefloop.oracle.answers import Answers
from prefloop.oracle.hidden import HiddenAnswers
from prefloop.oracle.simulated import SimulatedOracle
from prefloop.pool.loop import RunSpec, run_rounds
from prefloop.pool.output import is_whole, write_run
from prefloop.pool.problem import Problem, dataset_name, division_of, inputs_digest
from prefloop.pool.record import RoundRecord, RoundStore
from prefloop.pool.steps import check_budget
from prefloop.versions import versions

Observer = Callable[[RoundRecord, float], None]


@dataclass(frozen=True)
class Identity:
    """What the runs of one comparison have in common, and by it what identifies each.

    Attributes:
        params: parameters in force.
        layout: where inputs and outputs lie.
    """

    params: Params
    layout: Layout

    @cached_property
    def _inputs(self) -> str:
        return inputs_digest(self.layout)

    @cached_property
    def _encoder(self) -> dict[str, Any]:
        manifest: dict[str, Any] = read_json(self.layout.features / MANIFEST)
        return manifest

    @cached_property
    def _source(self) -> str:
        package = Path(prefloop.__file__).resolve().parent
        return source_digest(package.parent, package / "pool" / "loop.py")

    def about(self, name: str, seed: int) -> dict[str, Any]:
        """Content of a run's run.json: what was run, on what, with which parameters and versions.

        The fingerprint covers all that decides the run's bytes but the number of rounds, so that a
        longer run continues a shorter one.

        Raises:
            ConfigError: no such policy, or an impossible seed.
        """
        params = self.params
        if name not in params.policies:
            raise ConfigError(f"unknown policy '{name}'; known: {', '.join(sorted(params.policies))}")
        if not 0 <= seed < 2**32:
            raise ConfigError(f"seed {seed}: expected an integer from 0 to 2**32 - 1")
        left_out = {"policies", "seeds", "rounds", "jobs"}
        division = params.data.split.model_dump(mode="json", exclude={"per_seed"})
        sections = {
            "policy": params.policies[name].model_dump(mode="json"),
            "reward": params.reward.model_dump(mode="json"),
            "oracle": params.oracle.model_dump(mode="json"),
            "benchmark": params.benchmark.model_dump(mode="json", exclude=left_out),
            "division": {**division, "salt": params.data.split.salt_of(seed), "k": params.neighbours.k},
            "target": {"target": params.data.target, **params.data.target_file.model_dump(mode="json")},
        }
        parts = [name, str(seed), to_json(sections), to_json(versions()), self._inputs, self._source]
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
            "encoder": self._encoder,
            "versions": versions(),
            "budget": params.benchmark.budget,
        }

    def is_done(self, name: str, seed: int) -> bool:
        """Whether the run's folder holds, whole, what a run with these parameters would write."""
        folder = self.layout.run(name, seed)
        return is_whole(folder) and read_json(folder / "run.json") == self.about(name, seed)


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
    params, about = identity.params, identity.about(name, seed)
    spec = RunSpec(name, params.policies[name], seed, params.benchmark, params.reward)
    oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
    state = identity.layout.state / "runs" / name / str(seed)
    with locked(state):
        store = RoundStore(state, about["fingerprint"])
        result = run_rounds(problem, hidden, oracle, spec, store, observer)
        assessed = _assess(params, problem, store, result.labelled, seed)
        folder = identity.layout.run(name, seed)
        write_run(folder, result, assessed, problem.prepared, hidden, about, params.reward.kind)
    return folder


def check_policies(params: Params, stored: Prepared, answers: Answers) -> None:
    """Refuse what any of the configured runs would refuse, before the first of them starts.

    Needs the prepared tables alone, so nothing has to be embedded for it.

    Args:
        params: parameters in force.
        stored: the prepared tables.
        answers: their hidden answers.

    Raises:
        ConfigError: a budget above what the pool allows under a policy, or a rule that lacks models' names.
        DataError: a rule that reads the judge's scores, and a pool completion without one.
    """
    policies = {name: params.policies[name] for name in params.benchmark.policies}
    for seed in params.benchmark.seeds:
        division = division_of(stored, params.data, seed)
        pool = Pool.of(division.prepared)
        for policy in policies.values():
            check_budget(pool, policy, params.benchmark, seed)
        if any(policy.pairs.rule in ORACLE_CEILINGS for policy in policies.values()):
            hidden = answers.take(division.pairs, division.completions)
            oracle = SimulatedOracle(params.oracle, division.prepared, hidden)
            oracle.scores(np.arange(division.prepared.completions_of("pool").stop))


def _assess(params: Params, problem: Problem, store: RoundStore, labelled: Labelled, seed: int) -> Assessment:
    key = text_id(to_json(params.assessment.model_dump(mode="json")), str(len(labelled.pairs)))
    kept = store.assessment(key)
    if kept is None:
        device = params.benchmark.device
        kept = assess(problem, labelled, params.reward, params.assessment, seed=seed, device=device)
        store.keep_assessment(key, kept)
    return kept
