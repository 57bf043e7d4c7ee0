"""One simulated run: accounting and budgets."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

import stages.benchmark
import stages.compare
from prefloop.errors import ConfigError, DataError
from prefloop.io.arrays import open_array, read_table
from tests.pool.runs import ON_RESPONSES, PARAMS, digest, run
from tests.worlds import make_params, make_world, pair_records


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_every_policy_accounts_for_every_label(world_of, tmp_path, name):
    shutil.copytree(world_of(name).data, tmp_path / "w")
    folder = run(PARAMS, type(world_of(name)).folder(tmp_path / "w"), name)
    acquired = read_table(folder / "acquired.parquet").to_pydict()
    assert acquired["round"] == [0] * 8 + [1] * 6 + [2] * 6
    assert len(set(acquired["pair_id"])) == 20
    rounds = read_table(folder / "rounds.parquet").to_pydict()
    assert rounds["n_labels"] == [8, 14, 20]
    assert rounds["n_ties"][-1] == acquired["verdict"].count("tie")
    assert rounds["n_prompts"][-1] == len(set(acquired["prompt_id"]))
    splits = read_table(folder / "metrics.parquet").to_pydict()["split"]
    assert splits == (["test", "acquired"] if name in ON_RESPONSES else ["test", "ood", "acquired"]) * 3
    assert open_array(folder / "predictions.npy").shape[:2] == (3, 3)


def test_all_policies_of_a_seed_share_the_initial_labels(layout):
    first = [
        read_table(run(PARAMS, layout, name) / "acquired.parquet")["pair_id"].to_pylist()[:8]
        for name in ("random", "random_control", "bald", "bal_pm")
    ]
    assert all(ids == first[0] for ids in first)
    assert read_table(run(PARAMS, layout, "random", 1) / "acquired.parquet")["pair_id"].to_pylist()[:8] != first[0]


@pytest.mark.parametrize("name", ["bald", "bal_pm", "d_optimal", "random"])
def test_the_laplace_head_serves_any_policy(layout, name):
    params = make_params(reward__kind="laplace", reward__laplace__members=6)
    folder = run(params, layout, name)
    rounds = read_table(folder / "rounds.parquet").to_pydict()
    assert rounds["n_labels"] == [8, 14, 20]
    assert min(rounds["epochs"]) > 0
    predictions = open_array(folder / "predictions.npy")
    assert predictions.shape[:2] == (3, 6)
    # Draws come in pairs on both sides of the mode.
    means = (predictions[:, :3].astype(np.float64) + predictions[:, 3:]) / 2
    np.testing.assert_allclose(means, means[:, :1].repeat(3, axis=1), atol=1e-4)


def test_verdicts_are_the_hidden_ones(layout):
    acquired = read_table(run(PARAMS, layout) / "acquired.parquet").to_pylist()
    oracle = {row["id"]: row for row in read_table(layout.prepared / "oracle.parquet").to_pylist()}
    for row in acquired:
        votes = oracle[row["pair_id"]]
        counts = {"a": votes["votes_a"], "b": votes["votes_b"], "tie": votes["votes_tie"]}
        expected = "a" if counts["a"] > counts["b"] else "b" if counts["b"] > counts["a"] else "tie"
        assert row["verdict"] == expected


def test_validation_labels_are_counted_apart_and_never_acquired(layout):
    params = make_params(benchmark__validation=10)
    folder = run(params, layout)
    assert read_table(folder / "rounds.parquet").to_pydict()["n_val_labels"] == [10, 10, 10]
    assert digest(folder) != digest(run(PARAMS, layout))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"benchmark__rounds": 400},
            r"budget is 2402 labels, but after 8 initial ones the pool has \d+ comparisons",
        ),
        (
            {"benchmark__validation": 5000},
            "8 initial and 5000 validation labels are drawn at random, but the pool offers",
        ),
        (
            {
                "policies__bal_pm__pairs": {"rule": "given", "per_prompt": 2},
                "benchmark__batch": 24,
                "benchmark__rounds": 2,
            },
            "a round takes 24 comparisons",
        ),
    ],
)
def test_a_budget_beyond_the_pool_is_refused_before_anything_is_spent(layout, changes, message):
    with pytest.raises(ConfigError, match=message):
        run(make_params(**changes), layout)
    assert not layout.runs.exists()


def test_a_pool_without_answers_cannot_be_simulated(tmp_path):
    records = [replace(r, verdict=None) for r in pair_records()]
    layout = make_world(tmp_path, records, PARAMS)
    with pytest.raises(DataError, match=r"no hidden answer.*prefloop campaign run"):
        run(PARAMS, layout)


def test_a_pool_without_answers_runs_with_no_benchmark(tmp_path):
    params = make_params(benchmark__policies=[])
    records = [replace(record, verdict=None) for record in pair_records(prompts=20, pairs=60)]
    layout = make_world(tmp_path, records, params)
    stages.benchmark.run(params, layout)
    stages.compare.run(params, layout)
    assert "no simulated runs are configured" in (layout.report / "report.md").read_text()
