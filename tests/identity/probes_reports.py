"""Probes of both comparisons: curves, intervals, verdicts and savings of simulated runs; not their wording."""

from __future__ import annotations

from typing import Any

from prefloop.dpo.report.comparison import compare_runs as compare_dpo
from prefloop.dpo.report.outcomes import resample
from prefloop.dpo.report.run_facts import run_facts
from prefloop.report.comparison import compare_runs, draw
from prefloop.report.judged import judge_runs
from prefloop.report.outcomes import compare_outcomes, draw_outcomes
from prefloop.report.runs import load_runs, score_split
from tests.dpo.report.simulate import Kind, in_memory, simulate
from tests.identity.guard import Probe
from tests.identity.worlds import scratch
from tests.report.conftest import CONFIG, FACTS
from tests.report.simulate import evaluated, judgeable, make_world, write_run

SPEEDS = {"random": 1.2, "random_control": 1.2, "thinned": 1.2, "bald": 0.5, "bal_pm": 2.5}
KINDS = {
    "random": Kind(),
    "random_compute_matched": Kind(rule="random_compute_matched"),
    "hybrid": Kind(speed=1.3, skill=0.12, rule="hybrid"),
}
# What of a result are words is told elsewhere, and no number.
WORDS = ("note", "reasons", "sentence", "advice_sentence", "outcome", "interval_covers")
SEEDS = 3


def report_probes() -> dict[str, Probe]:
    """Probes of the comparison of simulated runs and of that of active DPO."""
    return {"comparison": Probe(_comparison), "dpo_comparison": Probe(_dpo_comparison)}


def _comparison() -> Any:
    world, root = make_world(prompts=12, pairs=2), scratch("runs")
    config = CONFIG.model_copy(update={"resamples": 100})
    folders = {
        (policy, seed): write_run(root / policy / str(seed), world, policy, seed, speed, rounds=4, validation=5)
        for policy, speed in SPEEDS.items()
        for seed in range(SEEDS)
    }
    runs = load_runs(folders)
    scores = {split: score_split(runs, evaluated(world, split, runs.seeds)) for split in world.sets}
    judged = judge_runs(runs, judgeable(world, runs.seeds))
    assert judged is not None
    outcomes = compare_outcomes(runs, judged, draw_outcomes(runs, judged, config), config, FACTS)
    savings = compare_runs(runs, scores, draw(runs, scores, config), outcomes, config, FACTS)
    return flat(savings.model_dump(mode="json"))


def _dpo_comparison() -> Any:
    scores = {
        (policy, seed): simulate(kind, seed, number, rounds=3, prompts=30)
        for number, (policy, kind) in enumerate(KINDS.items())
        for seed in range(SEEDS)
    }
    runs = in_memory(scores)
    config = CONFIG.model_copy(update={"reference": ["random"], "resamples": 100})
    compared = compare_dpo(runs, resample(runs, config), config, run_facts(runs, "simulated", "random"))
    return flat(compared.model_dump(mode="json"))


def flat(result: dict[str, Any]) -> dict[str, Any]:
    """Block by block, and policy by policy, all numbers in a row, and all that is no float in another."""
    blocks = {f"policies.{name}": of for name, of in result.pop("policies").items()} | result
    found = {}
    for name, block in blocks.items():
        leaves = list(_leaves(block, name))
        numbers = [value for _, value in leaves if isinstance(value, float)]
        others = [[at, value] for at, value in leaves if not isinstance(value, float)]
        found[name] = {"numbers": numbers, "others": [f"{at}: {value}" for at, value in others]}
    return found


def _leaves(value: Any, at: str) -> Any:
    if isinstance(value, dict):
        for name, item in value.items():
            if name not in WORDS:
                yield from _leaves(item, f"{at}.{name}")
    elif isinstance(value, list):
        for row, item in enumerate(value):
            yield from _leaves(item, f"{at}[{row}]")
    else:
        yield at, value
