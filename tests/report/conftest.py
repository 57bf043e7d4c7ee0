from __future__ import annotations

from pathlib import Path

import pytest

from prefloop.config.shared import Compare
from prefloop.report.comparison import DataFacts
from prefloop.report.judged import Judged, judge_runs
from prefloop.report.results import SplitSize
from prefloop.report.runs import Runs, SplitScores, load_runs, score_split
from tests.report.simulate import World, evaluated, judgeable, make_world, write_run

SPEEDS = {"random": 1.2, "random_control": 1.2, "thinned": 1.2, "bald": 0.5, "bal_pm": 2.5}
CONFIG = Compare(
    reference=["random", "random_control"], min_seeds=3, worthwhile=0.2, resamples=400, confidence=0.95, seed=0
)
FACTS = DataFacts(
    "simulated",
    "pairs",
    {"pool": SplitSize(prompts=30, completions=100, pairs=50)},
    largest=101,
    model_free=frozenset({"random", "random_control", "thinned"}),
    oracle_upper_bounds=frozenset(),
    ablations=(("bal_pm", "bald"), ("random_control", "random")),
)


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def folders(world: World, tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Path]:
    root = tmp_path_factory.mktemp("runs")
    return {
        (policy, seed): write_run(root / policy / str(seed), world, policy, seed, speed, validation=5)
        for policy, speed in SPEEDS.items()
        for seed in range(3)
    }


@pytest.fixture(scope="session")
def runs(folders: dict[tuple[str, int], Path]) -> Runs:
    return load_runs(folders)


@pytest.fixture(scope="session")
def scores(runs: Runs, world: World) -> dict[str, SplitScores]:
    return {split: score_split(runs, evaluated(world, split, runs.seeds)) for split in world.sets}


@pytest.fixture(scope="session")
def judged(runs: Runs, world: World) -> Judged:
    found = judge_runs(runs, judgeable(world, runs.seeds))
    assert found is not None
    return found
