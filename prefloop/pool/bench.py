"""A comparison of policies on a pool from raw preferences to the report: its steps, and all of them in turn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from prefloop.config import Params
from prefloop.identity import libraries, machine, parts
from prefloop.io.atomic import write_text
from prefloop.io.json import write_json
from prefloop.io.layout import Layout
from prefloop.io.lock import locked
from prefloop.pool.identity import LIBRARIES
from prefloop.report.results import Savings, read_savings
from prefloop.rounds.made import Made, digests, key_of, stamps

if TYPE_CHECKING:
    from prefloop.tracking.savings import ComparisonRecorder
    from prefloop.tracking.simulated import RunRecorder

# Two comparisons into one folder: the second is told at once.
_PATIENCE_S = 1.0
_REPORT = Path(__file__).resolve().parents[1] / "report"


def prepare(params: Params, layout: Layout) -> None:
    """Write `layout.prepared` from the configured source."""
    from prefloop.data.prepare import prepare as write_prepared
    from prefloop.data.sources import load_records, unread_files
    from prefloop.data.target_prompts import target_prompts

    data = params.data
    write_prepared(
        load_records(data), data.split, layout.prepared, data.leaks, target_prompts(data), unread_files(data)
    )


def check(params: Params, layout: Layout) -> None:
    """Refuse a budget or a policy that the prepared pool cannot meet, before anything is embedded.

    Raises:
        ConfigError: a budget above the pool, or a policy that needs what the pool has not.
    """
    from prefloop.data.prepared import load_prepared
    from prefloop.oracle.answers import load_answers
    from prefloop.pool.benchmark import check_policies

    if params.benchmark.policies:
        stored = load_prepared(layout.prepared)
        check_policies(params, stored, load_answers(layout.prepared, stored))


def embed(params: Params, layout: Layout) -> None:
    """Embed all prompts and completions; vectors are cached below the state folder."""
    from prefloop.embed.pipeline import embed_prepared

    embed_prepared(layout.prepared, layout.features, layout.state / "embeddings", params.embed)


def neighbours(params: Params, layout: Layout) -> None:
    """Build lists long enough for any run's pool and write them with their measured recall."""
    from prefloop.data.prepared import load_prepared
    from prefloop.embed.features import check_ids, load_features
    from prefloop.neighbours.build import build_graph, save_graph
    from prefloop.neighbours.restrict import poolable, widened

    prepared, features = load_prepared(layout.prepared), load_features(layout.features)
    check_ids(features, prepared)
    wide = widened(params.neighbours, params.data.split)
    graph, facts = build_graph(features.prompts[poolable(prepared)], wide)
    save_graph(layout.neighbours, graph, facts)


def simulate(params: Params, layout: Layout, recorder: RunRecorder) -> None:
    """Make the runs that are missing or out of date; what has not changed is left alone."""
    from prefloop.scale.comparison import make_runs

    if params.benchmark.policies:
        make_runs(params, layout, recorder)
    configured = {"policies": params.benchmark.policies, "seeds": params.benchmark.seeds}
    # Without policies there is still something to hash: DVC warns of an empty folder.
    write_json(layout.runs / "configured.json", configured)


def compare(params: Params, layout: Layout, recorder: ComparisonRecorder) -> None:
    """Compare every configured (policy, seed) run and write the report's folder."""
    from prefloop.data.prepared import load_prepared
    from prefloop.oracle.hidden import load_hidden
    from prefloop.pool.problem import load_inputs
    from prefloop.report.data_facts import data_facts
    from prefloop.report.evaluated import evaluate_seeds
    from prefloop.report.judged import judge_runs
    from prefloop.report.runs import load_runs, score_split
    from prefloop.report.write import NO_POLICIES, write_nothing, write_report

    keys = [(policy, seed) for policy in params.benchmark.policies for seed in params.benchmark.seeds]
    if not keys:
        stored = load_prepared(layout.prepared)
        facts = data_facts(params.data.source, stored, stored, params)
        write_nothing(layout.report, params.compare, facts, NO_POLICIES)
        return
    folders = {key: layout.run(*key) for key in keys}
    runs, inputs = load_runs(folders), load_inputs(layout, params)
    evaluation = evaluate_seeds(inputs, load_hidden(layout.prepared, inputs), params.data, runs.seeds)
    scores = {split: score_split(runs, pairs) for split, pairs in evaluation.splits.items()}
    judged = judge_runs(runs, evaluation.test)
    facts = data_facts(runs.dataset, inputs.stored, evaluation.first, params)
    write_report(layout.report, runs, scores, judged, params.compare, facts)
    recorder.comparison_done(layout.report, folders)


def bench(params: Params, layout: Layout) -> Savings:
    """Every step in turn, but for those whose inputs have not changed since they were made.

    Args:
        params: parameters in force; written to the layout's folder at the end.
        layout: where everything is written.

    Returns:
        The comparison's numbers.

    Raises:
        StateError: another process is at a comparison in the same folder.
        PrefloopError: what a step raises; what is finished is kept.
    """
    with locked(layout.state / "bench", timeout=_PATIENCE_S):
        _all_steps(params, layout)
        return read_savings(layout.report / "savings.json")


def _all_steps(params: Params, layout: Layout) -> None:
    from prefloop.tracking.savings import ComparisonRecorder

    made, recorder = Made(layout.state), ComparisonRecorder(params.tracking, Path.cwd())
    prepared = _prepared_key(params)
    made.once("prepare", prepared, lambda: prepare(params, layout), layout.prepared)
    made.once("check", _check_key(params, prepared), lambda: check(params, layout))
    embedded = _embedded_key(params, prepared)
    made.once("embed", embedded, lambda: embed(params, layout), layout.features)
    made.once(
        "neighbours", _neighbours_key(params, embedded), lambda: neighbours(params, layout), layout.neighbours
    )
    simulate(params, layout, recorder)
    compared = _compared_key(params, layout)
    made.once("compare", compared, lambda: compare(params, layout, recorder), layout.report)
    # Last, so that after a failure they are still those of the comparison that stands there.
    write_text(layout.data / "params.yaml", yaml.safe_dump(params.model_dump(mode="json"), sort_keys=False))


def _prepared_key(params: Params) -> str:
    data = params.data
    paths = [data.raw / entry.path for entry in data.files] if data.source == "files" else []
    paths += [path for path in (data.hub.path,) if path is not None]
    if data.target == "file" and data.target_file.path is not None:
        paths.append(data.raw / data.target_file.path)
    return key_of(
        parameters=_dump(params, "data"),
        files=digests(paths),
        copies=[stamps(path) for path in paths if path.is_dir()],
        parts=parts(["prepare"]),
    )


def _check_key(params: Params, prepared: str) -> str:
    policies = {name: params.policies[name].model_dump(mode="json") for name in params.benchmark.policies}
    return key_of(
        of=prepared,
        benchmark=_dump(params, "benchmark"),
        oracle=_dump(params, "oracle"),
        policies=policies,
        parts=parts(["candidates", "division", "rounds"]),
    )


def _embedded_key(params: Params, prepared: str) -> str:
    model = Path(params.embed.model).expanduser()
    return key_of(
        of=prepared,
        parameters=_dump(params, "embed"),
        model=stamps(model) if model.is_dir() else {},
        parts=parts(["embed"]),
        libraries=libraries("torch", "transformers", "tokenizers"),
        machine=machine(params.embed.device, 1),
    )


def _neighbours_key(params: Params, embedded: str) -> str:
    return key_of(
        of=embedded,
        parameters=_dump(params, "neighbours"),
        sizes=[params.data.split.test, params.data.split.val],
        parts=parts(["neighbours"]),
        libraries=libraries("hnswlib", "numpy"),
    )


def _compared_key(params: Params, layout: Layout) -> str:
    keys = [(policy, seed) for policy in params.benchmark.policies for seed in params.benchmark.seeds]
    return key_of(
        runs=digests(layout.run(*key) / "run.json" for key in keys),
        parameters={name: _dump(params, name) for name in ("compare", "data", "benchmark", "tracking")},
        parts=parts(["comparison", "division", "evaluation", "oracle", "target"]),
        libraries=libraries(*LIBRARIES, "matplotlib"),
        # A changed sentence makes the report anew, and no run.
        wording=digests(sorted(_REPORT.rglob("*.py"))),
    )


def _dump(params: Params, section: str) -> Any:
    return getattr(params, section).model_dump(mode="json")
