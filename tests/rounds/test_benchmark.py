"""One simulated run: accounting, reproducibility, resuming, honesty."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from prefloop.config.pair_rules import ORACLE_CEILINGS
from prefloop.errors import ConfigError, DataError
from prefloop.io.arrays import open_array, read_table
from prefloop.io.documents import read_json
from prefloop.rounds.benchmark import run_benchmark
from prefloop.rounds.hidden import load_hidden
from prefloop.rounds.problem import load_problem
from tests.worlds import ROOT, make_params, make_world, pair_records, response_records

PARAMS = make_params()


def run(params, layout, name="bal_pm", seed=0, observe=None):
    problem = load_problem(layout)
    hidden = load_hidden(layout.prepared, problem.prepared)
    return run_benchmark(params, layout, problem, hidden, name, seed, lambda about: observe or (lambda *_: None))


def digest(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def fits(layout, name="bal_pm", seed=0):
    lines = [
        json.loads(line)
        for path in (layout.state / "runs" / name / str(seed)).glob("*/log.jsonl")
        for line in path.read_text().splitlines()
    ]
    return [line["round"] for line in lines if line["event"] == "fit"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), pair_records(ties=0.1), PARAMS)


# Rules that form pairs are shown responses with scores and models' names, the others listed pairs.
ON_RESPONSES = {name for name, policy in PARAMS.policies.items() if policy.pairs.rule not in ("auto", "given")}


@pytest.fixture(scope="module")
def response_world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("responses"), response_records(prompts=40, models=True), PARAMS)


@pytest.fixture
def world_of(world, response_world):
    return lambda name: response_world if name in ON_RESPONSES else world


@pytest.fixture
def layout(world, tmp_path):
    shutil.copytree(world.data, tmp_path / "w")
    return type(world).folder(tmp_path / "w")


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


def test_all_policies_of_a_seed_share_the_initial_labels(layout):
    first = [
        read_table(run(PARAMS, layout, name) / "acquired.parquet")["pair_id"].to_pylist()[:8]
        for name in ("random", "random_control", "bald", "bal_pm")
    ]
    assert all(ids == first[0] for ids in first)
    assert read_table(run(PARAMS, layout, "random", 1) / "acquired.parquet")["pair_id"].to_pylist()[:8] != first[0]


def test_verdicts_are_the_hidden_ones(layout):
    acquired = read_table(run(PARAMS, layout) / "acquired.parquet").to_pylist()
    oracle = {row["id"]: row for row in read_table(layout.prepared / "oracle.parquet").to_pylist()}
    for row in acquired:
        votes = oracle[row["pair_id"]]
        counts = {"a": votes["votes_a"], "b": votes["votes_b"], "tie": votes["votes_tie"]}
        expected = "a" if counts["a"] > counts["b"] else "b" if counts["b"] > counts["a"] else "tie"
        assert row["verdict"] == expected


def test_two_runs_give_identical_bytes(layout, world, tmp_path):
    one = digest(run(PARAMS, layout))
    shutil.rmtree(layout.state)
    assert digest(run(PARAMS, layout)) == one


def test_a_longer_run_continues_a_shorter_one(layout):
    longer = make_params(benchmark__rounds=4)
    run(PARAMS, layout)
    resumed = digest(run(longer, layout))
    assert fits(layout) == [0, 1, 2, 3]
    shutil.rmtree(layout.state)
    assert digest(run(longer, layout)) == resumed


@pytest.mark.parametrize("change", [{"policies__bal_pm__batch__beta": 0.5}, {"reward__mlp_ensemble__patience": 1}])
def test_changed_parameters_start_anew(layout, change):
    run(PARAMS, layout)
    run(make_params(**change), layout)
    assert fits(layout) == [0, 1, 2]


def test_changed_inputs_start_anew(layout):
    run(PARAMS, layout)
    manifest = read_json(layout.features / "manifest.json")
    (layout.features / "manifest.json").write_text(json.dumps(manifest | {"model": "other"}))
    run(PARAMS, layout)
    assert fits(layout) == [0, 1, 2]


def test_an_error_between_rounds_resumes_to_the_same_bytes(layout):
    def stop(record, seconds):
        if record.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(PARAMS, layout, observe=stop)
    resumed = digest(run(PARAMS, layout))
    assert fits(layout) == [0, 1, 2]
    shutil.rmtree(layout.state)
    assert digest(run(PARAMS, layout)) == resumed


def test_a_finished_run_is_not_assessed_again_unless_asked_otherwise(layout, monkeypatch):
    import prefloop.rounds.benchmark as module

    expected = digest(run(PARAMS, layout))
    calls = []
    real = module.assess
    monkeypatch.setattr(module, "assess", lambda *args, **options: calls.append(1) or real(*args, **options))
    assert digest(run(PARAMS, layout)) == expected
    assert not calls
    other = digest(run(make_params(assessment__shares=[0.5, 1.0]), layout))
    assert calls == [1]
    assert fits(layout) == [0, 1, 2]
    assert {name for name in other if other[name] != expected[name]} == {
        "assessment.parquet",
        "assessment_policy.npy",
        "assessment_rewards.npy",
        "run.json",
    }


def test_a_damaged_state_file_is_done_again(layout, caplog):
    expected = digest(run(PARAMS, layout))
    damaged = next((layout.state / "runs" / "bal_pm" / "0").glob("*/round-0001.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert digest(run(PARAMS, layout)) == expected
    assert "round-0001.safetensors is damaged" in caplog.text


SCRIPT = """
import sys
from pathlib import Path
from tests.rounds.test_benchmark import PARAMS, run
from prefloop.io.layout import Layout
run(PARAMS, Layout.folder(Path(sys.argv[1])))
"""


def test_killed_at_any_moment_it_resumes_to_the_same_bytes(layout, tmp_path):
    expected = digest(run(PARAMS, layout))
    shutil.rmtree(layout.state)
    shutil.rmtree(layout.runs)
    # Writes are the tender moments: be killed in the middle of the n-th of them.
    for write in (2, 4, 5):
        code = (
            "import os, prefloop.io.atomic as atomic\n"
            "real, count = os.replace, [0]\n"
            "def replace(*args):\n"
            "    count[0] += 1\n"
            f"    if count[0] == {write}: os.kill(os.getpid(), 9)\n"
            "    return real(*args)\n"
            "os.replace = replace\n" + SCRIPT
        )
        dead = subprocess.run([sys.executable, "-c", code, str(layout.data)], cwd=ROOT, check=False)
        assert dead.returncode == -signal.SIGKILL
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(layout.data)], cwd=ROOT)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert digest(run(PARAMS, layout)) == expected


def permuted(votes, rows, rng):
    result = votes.copy()
    result[rows] = votes[rng.permutation(rows)]
    return result


class Recorder:
    """Hidden answers whose verdicts can be permuted; remembers what was asked."""

    def __init__(self, problem, hidden, params):
        from prefloop.oracle.simulated import SimulatedOracle

        self.oracle = SimulatedOracle(params.oracle, problem.prepared, hidden.answers)
        self.known = {}

    def listed(self, a, b):
        return self.oracle.listed(a, b)

    def scores(self, rows):
        return self.oracle.scores(rows)

    def verdicts(self, a, b):
        answers = self.oracle.verdicts(a, b)
        self.known.update(zip(zip(a.tolist(), b.tolist(), strict=True), answers.tolist(), strict=True))
        return answers


def acquired_by(problem, hidden, oracle, params, name, tmp_path, rounds):
    from prefloop.rounds.loop import RunSpec, run_rounds
    from prefloop.rounds.record import RoundStore

    benchmark = params.benchmark.model_copy(update={"rounds": rounds})
    spec = RunSpec(name, params.policies[name], 0, benchmark, params.reward)
    result = run_rounds(problem, hidden, oracle, spec, RoundStore(tmp_path, "x"), lambda *_: None)
    shutil.rmtree(tmp_path)
    return [record.batch.pairs.a.tolist() for record in result.rounds]


def without_revealed(problem, hidden, revealed, rng):
    """Hidden answers with those permuted that belong to no revealed pair: votes, or scores."""
    from prefloop.oracle.answers import Answers
    from prefloop.rounds.hidden import HiddenAnswers

    prepared, votes, scores = problem.prepared, hidden.answers.votes, hidden.answers.scores
    if np.isfinite(scores).any():
        seen = {row for pair in revealed for row in pair}
        rows = np.array([row for row in range(prepared.completions_of("pool").stop) if row not in seen])
        changed = Answers(votes, permuted(scores, rows, rng))
        assert not np.array_equal(changed.scores, scores)
    else:
        keys = list(zip(prepared.pair_a.tolist(), prepared.pair_b.tolist(), strict=True))
        rows = np.array([row for row in range(prepared.pairs_of("pool").stop) if keys[row] not in revealed])
        changed = Answers(permuted(votes, rows, rng), scores)
        assert not np.array_equal(changed.votes, votes)
    return HiddenAnswers(changed, hidden.evaluation)


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_permuting_unrevealed_answers_changes_no_next_selection(world_of, name, tmp_path):
    """With the labels so far fixed, what nobody has asked cannot be seen, except by an oracle ceiling."""
    world = world_of(name)
    problem = load_problem(world)
    hidden = load_hidden(world.prepared, problem.prepared)
    recorder = Recorder(problem, hidden, PARAMS)
    before = acquired_by(problem, hidden, recorder, PARAMS, name, tmp_path / "a", 2)
    # Selections up to round 2 depend on the labels of rounds 0 and 1 alone.
    full = acquired_by(problem, hidden, recorder, PARAMS, name, tmp_path / "b", 3)
    assert full[:2] == before
    revealed = {pair for a in full[:2] for pair in recorder.known if pair[0] in a}
    other = without_revealed(problem, hidden, revealed, np.random.default_rng(5))
    again = acquired_by(problem, other, Recorder(problem, other, PARAMS), PARAMS, name, tmp_path / "c", 3)
    assert (again == full) == (PARAMS.policies[name].pairs.rule not in ORACLE_CEILINGS)


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_permuting_test_and_ood_answers_changes_no_selection(world_of, name, tmp_path):
    from prefloop.metrics.evaluation import evaluation_sets
    from prefloop.oracle.answers import Answers
    from prefloop.rounds.hidden import HiddenAnswers

    world = world_of(name)
    problem = load_problem(world)
    hidden = load_hidden(world.prepared, problem.prepared)
    rng = np.random.default_rng(5)
    outside = np.arange(problem.prepared.pairs_of("pool").stop, len(problem.prepared.pair_a))
    unseen = np.arange(problem.prepared.completions_of("pool").stop, len(problem.prepared.completion_ids))
    answers = Answers(permuted(hidden.answers.votes, outside, rng), permuted(hidden.answers.scores, unseen, rng))
    assert not np.array_equal(answers.votes, hidden.answers.votes) or name in ON_RESPONSES
    other = HiddenAnswers(answers, evaluation_sets(problem.prepared, answers))
    expected = acquired_by(problem, hidden, Recorder(problem, hidden, PARAMS), PARAMS, name, tmp_path / "a", 3)
    got = acquired_by(problem, other, Recorder(problem, other, PARAMS), PARAMS, name, tmp_path / "b", 3)
    assert got == expected


@pytest.mark.parametrize(
    ("per_prompt", "message"),
    [
        ("auto", r"budget is 80 labels, but after 8 initial ones the pool has 16 comparisons under .* 'drts'"),
        (2, "budget is 80 labels, but after 8 initial ones the pool has 40 comparisons"),
        ("unlimited", r"a round takes 36 comparisons, but the pair rule 'drts' .* can be down to 24"),
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
                "benchmark__batch": 20,
                "benchmark__rounds": 2,
            },
            "a round takes 20 comparisons",
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
    with pytest.raises(DataError, match=r"no hidden answer.*use the campaign"):
        run(PARAMS, layout)


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


def test_judge_calls_count_each_scored_response_once(response_world, tmp_path):
    shutil.copytree(response_world.data, tmp_path / "w")
    layout = type(response_world).folder(tmp_path / "w")
    sizes = np.diff(load_problem(layout).prepared.offsets)
    ids = load_problem(layout).prepared.prompt_ids.to_pylist()
    for name in ("drts", "maxmin"):
        folder = run(PARAMS, layout, name)
        rounds, acquired = (read_table(folder / f"{part}.parquet").to_pydict() for part in ("rounds", "acquired"))
        chosen = [sizes[ids.index(prompt)] for prompt in acquired["prompt_id"]]
        # One pair a prompt: two responses each; maxmin reads all of them after the initial eight labels.
        expected = 2 * 20 if name == "drts" else 2 * 8 + sum(chosen[8:])
        assert rounds["judge_calls"][-1] == expected


def test_an_oracle_ceiling_resumes_with_its_judge_calls(response_world, tmp_path):
    shutil.copytree(response_world.data, tmp_path / "w")
    layout = type(response_world).folder(tmp_path / "w")

    def stop(record, seconds):
        if record.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(PARAMS, layout, "maxmin", observe=stop)
    resumed = digest(run(PARAMS, layout, "maxmin"))
    shutil.rmtree(layout.state)
    assert digest(run(PARAMS, layout, "maxmin")) == resumed


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
