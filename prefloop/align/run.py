"""One run from files to files: what the stage `rounds` and `prefloop align run` call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

import prefloop
from prefloop.align.config import AlignParams
from prefloop.align.evaluation import Evaluator, evaluated_prompts, start_completions
from prefloop.align.judges.build import build_judge, build_oracle
from prefloop.align.language_model import load_model
from prefloop.align.layout import AlignLayout
from prefloop.align.loop import AlignSpec, run_rounds
from prefloop.align.output import evaluation_table, pairs_table, write_run
from prefloop.align.problem import Problem, make_problem
from prefloop.align.prompt_set import load_prompts
from prefloop.align.record import AlignStore, RoundRecord
from prefloop.device import resolve_device, set_threads
from prefloop.embed.locate import ModelFolder
from prefloop.errors import ConfigError
from prefloop.io.documents import to_json
from prefloop.io.hashing import file_digest, source_digest, text_id
from prefloop.io.lock import locked
from prefloop.versions import versions as core_versions


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


def load_problem(params: AlignParams, layout: AlignLayout) -> Problem:
    """Load prompts and the start model; the same for all runs.

    Raises:
        StateError, ModelError, DataError, ConfigError: as the loaders say.
    """
    device = resolve_device(params.run.device)
    reference = load_model(layout.start, dtype=params.start.dtype, device=device, chat=params.start.chat)
    return make_problem(load_prompts(layout.prompts), reference, params.sampling, params.run, params.evaluation)


def run_policy(
    params: AlignParams,
    layout: AlignLayout,
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
        ConfigError: no such policy, or an impossible seed.
        NothingLeft, ModelError, StateError: as `run_rounds` says.
    """
    if name not in params.policies:
        raise ConfigError(f"unknown policy '{name}'; known: {', '.join(sorted(params.policies))}")
    if not 0 <= seed < 2**32:
        raise ConfigError(f"seed {seed}: expected an integer from 0 to 2**32 - 1")
    set_threads(params.run.threads)
    spec = AlignSpec(name, params.policies[name], seed, params.run, params.train)
    oracle = build_oracle(params.oracle, layout.verdicts)
    judges = build_judge(params.oracle.judge, layout.verdicts), build_judge(params.judge, layout.verdicts)
    about = describe_run(params, layout, name, seed, [judge.name for judge in judges])
    state = layout.state / "runs" / name / str(seed)
    with locked(state):
        store = AlignStore(state, about["fingerprint"])
        start = store.start_completions()
        if start is None:
            start = start_completions(problem, params.evaluation, seed)
            store.keep_start_completions(start)
        evaluator = Evaluator(problem, params.evaluation, *judges, seed, start)
        on_round = observe(about)

        def shown(record: RoundRecord, seconds: float) -> None:
            generations = evaluation_table(record, problem, evaluator.prompts, evaluator.start_texts)
            on_round(Finished(record.facts, generations, pairs_table(record, problem, params.train.beta), seconds))

        result = run_rounds(problem, oracle, evaluator, spec, store, shown)
        folder, prompts = layout.run(name, seed), evaluated_prompts(problem, params.evaluation)
        model = result.policy.model
        write_run(folder, result.records, model, problem, prompts, evaluator.start_texts, about)
    return folder


def describe_run(
    params: AlignParams, layout: AlignLayout, name: str, seed: int, judges: Sequence[str]
) -> dict[str, Any]:
    """Content of run.json: what was run, on what, with which parameters and versions.

    The fingerprint covers all that decides the run's bytes but the number of rounds, so that a
    longer run continues a shorter one. The judges' names say which word list or weights they read.
    """
    start, prompts = ModelFolder(layout.start, "start", None).digest(), layout.prompts / "prompts.parquet"
    sections = {
        "policy": params.policies[name].model_dump(mode="json"),
        **{
            section: getattr(params, section).model_dump(mode="json")
            for section in ("sampling", "oracle", "judge", "train", "evaluation")
        },
        "start": params.start.model_dump(mode="json", include={"source", "model", "revision", "dtype", "chat"}),
        "run": params.run.model_dump(mode="json", exclude={"policies", "seeds", "rounds"}),
    }
    device = resolve_device(params.run.device)
    parts = [
        name,
        str(seed),
        to_json(sections),
        to_json(versions()),
        *judges,
        start,
        file_digest(prompts),
        _source(),
    ]
    return {
        "policy": name,
        "seed": seed,
        "dataset": params.dataset,
        # Other threads or another device give other last bits, and then other tokens.
        "fingerprint": text_id(*parts, str(params.run.threads or torch.get_num_threads()), str(device)),
        "parameters": {**sections, "run": {**sections["run"], "rounds": params.run.rounds}},
        "start": start,
        "versions": versions(),
        "budget": params.run.budget,
    }


def versions() -> dict[str, str]:
    """Versions that decide the bytes of a run."""
    import peft
    import tokenizers
    import transformers
    import trl

    libraries = {"transformers": transformers, "trl": trl, "peft": peft, "tokenizers": tokenizers}
    return core_versions() | {name: library.__version__ for name, library in libraries.items()}


def _source() -> str:
    package = Path(prefloop.__file__).resolve().parent
    return source_digest(package.parent, package / "align" / "loop.py", package / "align" / "evaluation.py")
