"""Whole small comparisons in which there is nothing to learn: no verdict, and no saving, for any policy."""

import dataclasses
import json

import numpy as np
import pytest

import stages.compare
from prefloop.io.arrays import write_array
from prefloop.report.results import read_savings
from tests.pool.runs import run
from tests.worlds import make_params, make_world, pair_records

POLICIES = ["random", "random_control", "bald", "bal_pm"]


def permuted(records, seed=0):
    """The same pairs with each other's verdicts."""
    verdicts = np.random.default_rng(seed).permutation([record.verdict for record in records])
    return [
        dataclasses.replace(of, verdict=str(verdict), split=None)
        for of, verdict in zip(records, verdicts, strict=True)
    ]


def make_runs(layout, params):
    for policy in params.benchmark.policies:
        for seed in params.benchmark.seeds:
            run(params, layout, policy, seed)


def compared(layout, params):
    stages.compare.run(params, layout)
    metrics = json.loads((layout.report / "metrics.json").read_text())
    return read_savings(layout.report / "savings.json"), metrics


def assert_nothing_is_told(savings, metrics):
    assert not savings.conclusive
    assert savings.reasons
    assert savings.finding.finding == "cannot be told"
    for name, of in savings.policies.items():
        for against in (of.against_random, of.against_best):
            if against is not None:
                assert against.verdict == "cannot tell"
                assert (against.saving.saved, against.saving.saved_low, against.saving.saved_high) == (None,) * 3
        assert (metrics[name]["saved"], metrics[name]["saved_against_random"]) == (None, None)


def params_of(seeds, **changes):
    return make_params(benchmark__policies=POLICIES, benchmark__seeds=list(range(seeds)), **changes)


@pytest.fixture(scope="module")
def by_chance(tmp_path_factory):
    """Runs of three seeds on verdicts that say nothing."""
    params = params_of(3, benchmark__initial=20)
    layout = make_world(tmp_path_factory.mktemp("w"), permuted(pair_records(prompts=200, pairs=1500)), params)
    make_runs(layout, params)
    return layout


@pytest.mark.parametrize("seeds", [1, 3])
def test_permuted_verdicts_give_no_verdict(by_chance, seeds):
    assert_nothing_is_told(*compared(by_chance, params_of(seeds, benchmark__initial=20)))


def test_constant_features_give_no_verdict(tmp_path):
    params = make_params(benchmark__policies=["random", "bald"], benchmark__seeds=[0, 1, 2])
    layout = make_world(tmp_path, pair_records(prompts=60, pairs=300), params)
    features = np.load(layout.features / "completions.npy")
    write_array(layout.features / "completions.npy", np.ones_like(features))
    make_runs(layout, params)
    savings, metrics = compared(layout, params)
    assert_nothing_is_told(savings, metrics)
    assert "features do not tell the answers apart" in savings.reasons[-1]
