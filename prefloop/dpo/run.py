"""One run from files to files: what the stage `rounds` and `prefloop dpo run` call."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.device import resolve_device, set_threads
from prefloop.dpo.config import DpoParams
from prefloop.dpo.describe import describe_run
from prefloop.dpo.evaluation import Evaluator, start_completions
from prefloop.dpo.language_model import load_model
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.loop import DpoSpec, run_rounds
from prefloop.dpo.output import evaluation_table, pairs_table, write_run
from prefloop.dpo.problem import Problem, check_counts, make_problem
from prefloop.dpo.prompt_set import load_prompts
from prefloop.dpo.record import DpoStore, RoundRecord
from prefloop.dpo.training import check_adapters
from prefloop.errors import ConfigError
from prefloop.io.lock import locked
from prefloop.judges.build import build_judge, build_oracle
from prefloop.judges.noise import Noisy
from prefloop.labels.comparison import Annotator


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
    oracle, judge = make_judges(params, layout)
    judges = oracle.inner, judge
    about = describe_run(params, layout, name, seed, [judge.name for judge in judges])
    state = layout.state / "runs" / name / str(seed)
    with locked(state):
        store = DpoStore(state, about["fingerprint"])
        evaluator = _evaluator(params, problem, judges, store, seed)
        on_round = observe(about)

        def shown(record: RoundRecord, seconds: float) -> None:
            generations = evaluation_table(record, problem, evaluator.prompts, evaluator.start_texts)
            pairs = pairs_table(record, problem, params.train.beta)
            on_round(Finished(record.facts, generations, pairs, seconds))

        spec = DpoSpec(name, params.policies[name], seed, params.run, params.train)
        result = run_rounds(problem, oracle, evaluator, spec, store, shown)
        folder, model = layout.run(name, seed), result.policy.model
        write_run(folder, result.records, model, problem, evaluator.prompts, evaluator.start_texts, about)
    return folder


def make_judges(params: DpoParams, layout: DpoLayout) -> tuple[Noisy, Annotator]:
    """The training oracle and the independent judge.

    Raises:
        ConfigError: they are the same, or a key or a device that is not here.
        DataError, ModelError, LabelsMissing: a word list, weights or an encoder that cannot be used.
    """
    oracle = build_oracle(params.oracle, layout.verdicts)
    judge = build_judge(params.judge, layout.verdicts)
    if oracle.name == judge.name:
        raise ConfigError(
            f"judge: {judge.name} is the training oracle in other words; expected another, which never trains"
        )
    return oracle, judge


def _evaluator(
    params: DpoParams, problem: Problem, judges: tuple[Annotator, Annotator], store: DpoStore, seed: int
) -> Evaluator:
    start = store.start_completions()
    if start is None:
        start = start_completions(problem, params.evaluation, seed)
        store.keep_start_completions(start)
    return Evaluator(problem, params.evaluation, *judges, seed, start)
