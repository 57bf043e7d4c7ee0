"""Runs that form pairs of K responses, or choose among listed ones."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import pytest

from prefloop.errors import ConfigError, DataError, StateError
from prefloop.io.arrays import read_table
from tests.pool.runs import ON_RESPONSES, PARAMS, run
from tests.worlds import make_params, make_world, open_world, response_records


@pytest.mark.parametrize("per_prompt", ["auto", 2, "unlimited"])
def test_responses_run_with_formed_pairs(tmp_path, per_prompt):
    params = make_params(policies__bal_pm__pairs={"rule": "random", "per_prompt": per_prompt})
    layout = make_world(tmp_path, response_records(), params)
    acquired = read_table(run(params, layout) / "acquired.parquet").to_pydict()
    assert len(set(acquired["pair_id"])) == 20
    most = max(acquired["prompt_id"].count(p) for p in acquired["prompt_id"])
    assert most <= {"auto": 1, 2: 2, "unlimited": 3}[per_prompt]


def test_one_listed_pair_a_prompt_is_the_same_as_two_responses(tmp_path):
    """The same data as listed pairs and as K = 2 responses: the same selections, by the same path."""
    from prefloop.data.records import PairRecord

    responses = response_records(prompts=60, k=2)
    responses = [replace(r, completions=r.completions[:2], scores=r.scores[:2]) for r in responses]
    verdicts = {1: "a", 0: "tie", -1: "b"}
    pairs = [
        PairRecord(r.prompt, *r.completions, verdicts[int(np.sign(r.scores[0] - r.scores[1]))], "test", None)
        for r in responses
    ]
    acquired = [
        read_table(run(PARAMS, make_world(tmp_path / form, records, PARAMS)) / "acquired.parquet")
        for form, records in (("listed", pairs), ("responses", responses))
    ]
    assert acquired[0].equals(acquired[1])
    assert len(set(acquired[0]["verdict"].to_pylist())) > 1


def test_all_pair_rules_of_a_seed_share_the_initial_labels(response_world, tmp_path):
    shutil.copytree(response_world.data, tmp_path / "w")
    layout = type(response_world).folder(tmp_path / "w")
    first = [
        read_table(run(PARAMS, layout, name) / "acquired.parquet")
        .slice(0, 8)
        .drop(["score", "uncertainty", "entropy"])
        for name in sorted(ON_RESPONSES | {"random", "random_control", "bal_pm"})
    ]
    assert all(table.equals(first[0]) for table in first)


def test_annotation_calls_count_each_scored_response_once(response_world, tmp_path):
    shutil.copytree(response_world.data, tmp_path / "w")
    layout = type(response_world).folder(tmp_path / "w")
    sizes = np.diff(open_world(layout, PARAMS, None)[0].prepared.offsets)
    ids = open_world(layout, PARAMS, None)[0].prepared.prompt_ids.to_pylist()
    for name in ("drts", "maxmin"):
        folder = run(PARAMS, layout, name)
        rounds, acquired = (read_table(folder / f"{part}.parquet").to_pydict() for part in ("rounds", "acquired"))
        chosen = [sizes[ids.index(prompt)] for prompt in acquired["prompt_id"]]
        # One pair a prompt: two responses each; maxmin reads all of them after the initial eight labels.
        expected = 2 * 20 if name == "drts" else 2 * 8 + sum(chosen[8:])
        assert rounds["annotation_calls"][-1] == expected


@pytest.mark.parametrize("name", ["fixed_pair", "maxmin"])
def test_a_rule_that_lacks_its_data_says_so(layout, name):
    expected = {"fixed_pair": (ConfigError, "do not say which model"), "maxmin": (DataError, "has no score")}
    error, message = expected[name]
    with pytest.raises(error, match=message):
        run(PARAMS, layout, name)


def test_a_rule_on_listed_pairs_takes_one_listed_pair_a_prompt_and_round(layout):
    params = make_params(policies__drts__pairs__per_prompt=2)
    acquired = read_table(run(params, layout, "drts") / "acquired.parquet").to_pydict()
    listed = set(read_table(layout.prepared / "pairs.parquet")["pair_id"].to_pylist())
    assert set(acquired["pair_id"]) <= listed
    chosen = list(zip(acquired["round"], acquired["prompt_id"], strict=True))[8:]
    assert len(set(chosen)) == len(chosen)


@pytest.mark.parametrize("name", ["drts", "deltaucb_bal_pm"])
def test_rewards_that_are_not_finite_choose_nothing(response_world, name):
    from prefloop.data.pairs import Pairs
    from prefloop.pool.steps import choose_batch

    class Broken:
        def rewards(self, features):
            return np.full((3, len(features)), np.nan, dtype=np.float32)

    problem, none = open_world(response_world, PARAMS)[0], Pairs.empty()
    with pytest.raises(StateError, match="pool completions are not finite"):
        choose_batch(problem, PARAMS.policies[name], Broken(), none, none, 4, seed=0, round_=1)


@pytest.mark.parametrize(
    ("per_prompt", "message"),
    [
        ("auto", r"budget is 80 labels, but after 8 initial ones the pool has 18 comparisons under .* 'drts'"),
        (2, "budget is 80 labels, but after 8 initial ones the pool has 44 comparisons"),
        ("unlimited", r"a round takes 36 comparisons, but the pair rule 'drts' .* can be down to 26"),
    ],
)
def test_a_budget_beyond_the_responses_is_refused_before_anything_is_spent(
    response_world, tmp_path, per_prompt, message
):
    shutil.copytree(response_world.data, tmp_path / "w")
    layout = type(response_world).folder(tmp_path / "w")
    changes = {"benchmark__rounds": 3, "benchmark__batch": 36, "policies__drts__pairs__per_prompt": per_prompt}
    with pytest.raises(ConfigError, match=message):
        run(make_params(**changes), layout, "drts")
    assert not layout.runs.exists()
