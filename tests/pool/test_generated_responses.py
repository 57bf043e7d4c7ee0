"""What each pair rule is for, on the generated K-response set through the real encoder.

An advantage on generated data is a test of the rules, not a result.
"""

from __future__ import annotations

import numpy as np
import pytest
import yaml

import stages.embed
import stages.neighbours
import stages.prepare
from prefloop.config import parse_params
from prefloop.io.arrays import read_table
from prefloop.io.layout import Layout
from prefloop.pool.benchmark import run_benchmark
from prefloop.pool.identity import Identity
from tests.worlds import ROOT, open_world

SEEDS = range(3)
POLICIES = ("random", "maxmin", "dts", "maxminlcb", "drts", "deltaucb", "greedy", "shuffled_sigma")


@pytest.fixture(scope="module")
def chosen(tmp_path_factory):
    """Mean of each round fact after the initial labels, and the acquired pairs, by policy and seed."""
    content = yaml.safe_load((ROOT / "params.yaml").read_text())
    content["data"]["example"] |= {"form": "responses", "prompts": 80, "responses": 8, "temperature": 0.3}
    content["data"]["example"] |= {"pairs": 100, "ood_pairs": 0}
    content["benchmark"] |= {"initial": 50, "batch": 50, "rounds": 4, "threads": 1}
    content["reward"]["mlp_ensemble"] |= {"layers": [32], "max_epochs": 20}
    content["downstream"]["shares"] = [1.0]
    content["tracking"]["enabled"] = False
    for name in POLICIES:
        content["policies"][name]["pairs"]["per_prompt"] = "unlimited"
    params = parse_params(content, "test parameters")
    layout = Layout.folder(tmp_path_factory.mktemp("generated"))
    for stage in (stages.prepare, stages.embed, stages.neighbours):
        stage.run(params, layout)
    facts, acquired = {}, {}
    for seed in SEEDS:
        problem, hidden = open_world(layout, params, seed)
        for name in POLICIES:
            folder = run_benchmark(Identity(params, layout), problem, hidden, name, seed, lambda *_: None)
            rounds = read_table(folder / "rounds.parquet").to_pydict()
            facts[name, seed] = {key: np.mean(rounds[key][1:]) for key in ("gap", "winner_regret")}
            facts[name, seed]["first_winner_regret"] = rounds["winner_regret"][1]
            acquired[name, seed] = set(read_table(folder / "acquired.parquet")["pair_id"].to_pylist()[50:])
    return facts, acquired


def values(facts, name, key):
    return np.array([facts[name, seed][key] for seed in SEEDS])


@pytest.mark.parametrize("name", ["drts", "deltaucb"])
def test_reverse_and_optimistic_rules_find_large_gaps(chosen, name):
    ratio = values(chosen[0], name, "gap") / values(chosen[0], "random", "gap")
    assert ratio.min() > 1
    assert ratio.mean() > 1.2


@pytest.mark.parametrize("name", ["dts", "maxminlcb"])
def test_rules_that_look_for_the_winner_find_it(chosen, name):
    ratio = values(chosen[0], name, "winner_regret") / values(chosen[0], "random", "winner_regret")
    assert ratio.max() < 1
    assert ratio.mean() < 0.6


@pytest.mark.parametrize("name", sorted(set(POLICIES) - {"maxmin"}))
def test_maxmin_is_the_upper_bound_of_gap_and_of_winner_regret(chosen, name):
    assert (values(chosen[0], "maxmin", "gap") > values(chosen[0], name, "gap")).all()
    # Later pairs of a prompt need not hold its best response: the largest gap left may be the second best's.
    key = "first_winner_regret"
    assert (values(chosen[0], "maxmin", key) < values(chosen[0], name, key)).all()


@pytest.mark.parametrize("name", ["greedy", "shuffled_sigma"])
def test_the_controls_choose_otherwise_than_deltaucb(chosen, name):
    shared = [len(chosen[1][name, seed] & chosen[1]["deltaucb", seed]) / 150 for seed in SEEDS]
    assert max(shared) < 0.95
