"""Comparison of active DPO from prompts to the report: its steps, and all of them in turn."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from prefloop.dpo.config import DpoParams
from prefloop.dpo.describe import FACTS, decisive, describe_run
from prefloop.dpo.layout import DpoLayout
from prefloop.identity import libraries, machine, parts
from prefloop.io.atomic import write_text
from prefloop.io.json import read_json, write_json
from prefloop.io.lock import locked
from prefloop.judges.build import make_judges
from prefloop.rounds.made import Made, digests, key_of, stamps
from prefloop.rounds.state import remove_others

if TYPE_CHECKING:
    from prefloop.dpo.run import Finished, Observer
    from prefloop.tracking.dpo import DpoRecorder
    from prefloop.tracking.dpo_comparison import DpoComparisonRecorder

log = logging.getLogger("prefloop")
# Two comparisons into one folder: the second is told at once.
_PATIENCE_S = 1.0
_ROOM = Path(__file__).resolve().parent
RUN_FILES = ("rounds.parquet", "evaluation.parquet", "pairs.parquet", "policy", "run.json")


def prompts(params: DpoParams, layout: DpoLayout) -> None:
    """Write the folder of prompts."""
    from prefloop.dpo.prompts import write_prompts

    write_prompts(params.prompts, layout.prompts)


def check(params: DpoParams, layout: DpoLayout) -> None:
    """Refuse what prompts or judges cannot meet, before a model is trained.

    Raises:
        ConfigError: more labels than pool prompts, or judges that are the same or lack something.
    """
    from prefloop.dpo.prompt_set import check_counts, load_prompts

    check_counts(load_prompts(layout.prompts), params.run, params.evaluation)
    make_judges(params.oracle, params.judge, layout.verdicts)


def start(params: DpoParams, layout: DpoLayout) -> None:
    """Pre-train, fine-tune or copy the start model into its folder."""
    from prefloop.device import set_threads
    from prefloop.dpo.start import write_start

    set_threads(params.run.threads)
    write_start(params.start, layout.prompts, layout.start, params.run.device)


def run_all(params: DpoParams, layout: DpoLayout, recorder: DpoRecorder) -> None:
    """Make the runs that are missing or out of date; what has not changed is left alone."""
    keys = _keys(params)
    remove_others(layout, keys)
    judges = [judge.name for judge in make_judges(params.oracle, params.judge, layout.verdicts)]
    missing = [key for key in keys if not is_done(params, layout, *key, judges)]
    log.info("runs: %d of %d to make, %d rounds each", len(missing), len(keys), params.run.rounds)
    # Without policies there is still something to hash: DVC warns of an empty folder.
    write_json(layout.runs / "configured.json", {"policies": params.run.policies, "seeds": params.run.seeds})
    if not missing:
        return
    # Loads PyTorch and transformers, which a comparison in which nothing is missing does without.
    from prefloop.dpo.run import load_problem, run_policy

    problem = load_problem(params, layout)
    # Seed by seed, so that policies can be compared early.
    for policy, seed in sorted(missing, key=lambda key: key[1]):
        folder = run_policy(params, layout, problem, policy, seed, observer(recorder))
        recorder.run_done(folder)


def is_done(params: DpoParams, layout: DpoLayout, name: str, seed: int, judges: list[str]) -> bool:
    """Whether the run's folder holds, whole, what a run with these parameters would write."""
    folder = layout.run(name, seed)
    if not all((folder / file).exists() for file in RUN_FILES):
        return False
    stored = read_json(folder / "run.json")
    wanted = describe_run(params, decisive(params, layout, name, seed, judges))
    return {key: value for key, value in stored.items() if key not in FACTS} == wanted


def observer(recorder: DpoRecorder) -> Callable[[dict[str, Any]], Observer]:
    """What a run calls at its start, and then after every round: a line on stderr, and MLflow."""
    from prefloop.dpo.round_facts import round_line

    def begin(about: dict[str, Any]) -> Observer:
        def on_round(done: Finished) -> None:
            log.info(round_line(done.facts, done.seconds))
            recorder.round(about, done.facts, done.generations, done.pairs, done.seconds)

        return on_round

    return begin


def compare(params: DpoParams, layout: DpoLayout, recorder: DpoComparisonRecorder) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    from prefloop.dpo.report.write import write_comparison

    folders = {key: layout.run(*key) for key in _keys(params)}
    write_comparison(layout.report, folders, params.compare, params.dataset)
    recorder.comparison_done(layout.report, folders)


def bench(params: DpoParams, layout: DpoLayout) -> None:
    """Every step in turn, but for those whose inputs have not changed since they were made.

    Args:
        params: parameters in force; written to the layout's folder at the end.
        layout: where everything is written.

    Raises:
        StateError: another process is at a comparison in the same folder.
        PrefloopError: what a step raises; what is finished is kept.
    """
    with locked(layout.state / "bench", timeout=_PATIENCE_S):
        _all_steps(params, layout)


def _all_steps(params: DpoParams, layout: DpoLayout) -> None:
    from prefloop.tracking.dpo_comparison import DpoComparisonRecorder

    made, recorder = Made(layout.state), DpoComparisonRecorder(params.tracking, Path.cwd())
    made.once("prompts", _written_key(params), lambda: prompts(params, layout), layout.prompts)
    check(params, layout)
    made.once("start", _start_key(params, layout), lambda: start(params, layout), layout.start)
    run_all(params, layout, recorder)
    made.once("compare", _compared_key(params, layout), lambda: compare(params, layout, recorder), layout.report)
    # Last, so that after a failure they are still those of the comparison that stands there.
    write_text(layout.data / "params.yaml", yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False))


def _written_key(params: DpoParams) -> str:
    config, local = params.prompts, params.prompts.hub.path
    copies = [local] if local is not None else []
    return key_of(
        parameters=_dump(params, "prompts"),
        files=digests([*config.files, *copies]),
        copies=[stamps(path) for path in copies if path.is_dir()],
        parts=parts(["dpo_prompts"]),
    )


def _start_key(params: DpoParams, layout: DpoLayout) -> str:
    model = Path(params.start.model).expanduser() if params.start.model else None
    return key_of(
        parameters=_dump(params, "start"),
        texts=digests([layout.prompts / "texts.parquet"]),
        model=stamps(model) if model is not None and model.is_dir() else {},
        parts=parts(["dpo_start"]),
        libraries=libraries("tokenizers", "torch", "transformers"),
        machine=machine(params.run.device, params.run.threads),
    )


def _compared_key(params: DpoParams, layout: DpoLayout) -> str:
    wording = [*(_ROOM / "report").rglob("*.py"), *(_ROOM.parent / "report").rglob("*.py")]
    return key_of(
        runs=digests(layout.run(*key) / "run.json" for key in _keys(params)),
        parameters={name: _dump(params, name) for name in ("compare", "run", "tracking")},
        parts=parts(["comparison", "dpo_comparison"]),
        libraries=libraries("numpy", "scipy", "matplotlib"),
        # A changed sentence makes the report anew, and no run.
        wording=digests(sorted(wording)),
    )


def _keys(params: DpoParams) -> list[tuple[str, int]]:
    return [(policy, seed) for policy in params.run.policies for seed in params.run.seeds]


def _dump(params: DpoParams, section: str) -> Any:
    return getattr(params, section).model_dump(mode="json")
