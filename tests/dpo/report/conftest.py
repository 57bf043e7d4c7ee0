from __future__ import annotations

from pathlib import Path

import pytest

from prefloop.config.shared import Compare
from tests.dpo.report.simulate import Kind, write_run

KINDS = {
    "random": Kind(),
    "random_compute_matched": Kind(rule="random_compute_matched"),
    "certainty": Kind(speed=2.2, rule="certainty"),
    "hybrid": Kind(speed=1.3, skill=0.12, rule="hybrid"),
    "least_certain": Kind(skill=-0.12, rule="least_certain"),
}
SEEDS = 6
CONFIG = Compare(reference=["random"], min_seeds=3, worthwhile=0.2, resamples=400, confidence=0.95, seed=0)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Path]:
    root = tmp_path_factory.mktemp("dpo_runs")
    return {
        (policy, seed): write_run(root / policy / str(seed), policy, seed, kind)
        for policy, kind in KINDS.items()
        for seed in range(SEEDS)
    }
