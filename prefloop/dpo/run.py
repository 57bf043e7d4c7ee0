"""Run from files to files: the stage `rounds` and `prefloop dpo run`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.device import resolve_device, set_threads
from prefloop.dpo.config import DpoParams
from prefloop.dpo.describe import LIBRARIES, decisive, describe_run
from prefloop.dpo.language_model import load_model
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.loop import DpoRun, DpoSpec
from prefloop.dpo.output import evaluation_table, pairs_table, write_run
from prefloop.dpo.problem import Problem, make_problem
from prefloop.dpo.prompt_set import check_counts, load_prompts
from prefloop.dpo.record import RoundRecord
from prefloop.dpo.training import check_adapters
from prefloop.errors import ConfigError
from prefloop.identity import circumstances
from prefloop.judges.build import make_judges
from prefloop.rounds.driver import Run


@dataclass(frozen=True)
class Finished:
    """One finished round, as it is shown and tracked.

    Attributes:
        facts: its row of rounds.parquet.
        generations, pairs: its rows of evaluation.parquet and pairs.parquet.
        seconds: how long it took.
    """

    facts: dict[str, Any]
    generations: pa.Table
    pairs: pa.Table
    seconds: float


Observer = Callable[[Finished], None]


def load_problem(params: DpoParams, layout: DpoLayout) -> Problem:
    """Load prompts and the start model; the same for all runs.

    Raises:
        ConfigError: more labels or evaluations than prompts, or adapters for modules that aren't there.
        StateError, ModelError, DataError: as the loaders say.
    """
    prompts = load_prompts(layout.prompts)
    check_counts(prompts, params.run, params.evaluation)
    device = resolve_device(params.run.device)
    reference = load_model(layout.start, device=device, chat=params.start.chat)
    check_adapters(params.train.lora, reference.model)
    return make_problem(prompts, reference, params.sampling)


def run_policy(
    params: DpoParams,
    layout: DpoLayout,
    problem: Problem,
    name: str,
    seed: int,
    observe: Callable[[dict[str, Any]], Observer],
) -> Path:
    """Run or resume one (policy, seed) and write its folder.

    Args:
        params: parameters in force.
        layout: where state and outputs lie.
        problem: what `load_problem` gave.
        name: a policy named in the parameters.
        seed: the run's seed.
        observe: given run.json's content, returns what is called after every round.

    Returns:
        The run's folder.

    Raises:
        ConfigError: no such policy, an impossible seed, or a judge that is the oracle.
        NothingLeft, ModelError, StateError: as `run_rounds` says.
    """
    if name not in params.policies:
        raise ConfigError(f"unknown policy '{name}'; known: {', '.join(sorted(params.policies))}")
    if not 0 <= seed < 2**32:
        raise ConfigError(f"seed {seed}: expected an integer from 0 to 2**32 - 1")
    set_threads(params.run.threads)
    oracle, judge = make_judges(params.oracle, params.judge, layout.verdicts)
    judges = oracle.inner, judge
    identity = decisive(params, layout, name, seed, [judge.name for judge in judges])
    about = describe_run(params, identity) | circumstances(LIBRARIES)
    spec = DpoSpec(name, params.policies[name], seed, params.run, params.train, params.evaluation)
    workflow = DpoRun(problem, oracle, judges, spec)
    on_round = observe(about)

    def shown(record: RoundRecord, seconds: float) -> None:
        evaluator = workflow.evaluator
        generations = evaluation_table(record, problem, evaluator.prompts, evaluator.start_texts)
        pairs = pairs_table(record, problem, params.train.beta)
        on_round(Finished(record.facts, generations, pairs, seconds))

    def write(folder: Path, records: list[RoundRecord]) -> None:
        model, evaluator = workflow.policy.model, workflow.evaluator
        write_run(folder, records, model, problem, evaluator.prompts, evaluator.start_texts, about)

    state = layout.state / "runs" / name / str(seed)
    run = Run(state, about["fingerprint"], identity, layout.run(name, seed))
    return run.make(workflow, shown, write)
