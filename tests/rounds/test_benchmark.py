"""One simulated run: accounting, reproducibility, resuming, honesty."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

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


@pytest.fixture
def layout(world, tmp_path):
    shutil.copytree(world.data, tmp_path / "w")
    return type(world).folder(tmp_path / "w")


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_every_policy_accounts_for_every_label(layout, name):
    folder = run(PARAMS, layout, name)
    acquired = read_table(folder / "acquired.parquet").to_pydict()
    assert acquired["round"] == [0] * 8 + [1] * 6 + [2] * 6
    assert len(set(acquired["pair_id"])) == 20
    rounds = read_table(folder / "rounds.parquet").to_pydict()
    assert rounds["n_labels"] == [8, 14, 20]
    assert rounds["n_ties"][-1] == acquired["verdict"].count("tie")
    assert rounds["n_prompts"][-1] == len(set(acquired["prompt_id"]))
    splits = read_table(folder / "metrics.parquet").to_pydict()["split"]
    assert splits == ["test", "ood", "acquired"] * 3
    assert open_array(folder / "predictions.npy").shape[:2] == (3, 3)


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


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_permuting_unrevealed_answers_changes_no_next_selection(world, name, tmp_path):
    """With the labels so far fixed, what nobody has asked cannot be seen."""
    from prefloop.oracle.answers import Answers
    from prefloop.rounds.hidden import HiddenAnswers

    problem = load_problem(world)
    hidden = load_hidden(world.prepared, problem.prepared)
    recorder = Recorder(problem, hidden, PARAMS)
    before = acquired_by(problem, hidden, recorder, PARAMS, name, tmp_path / "a", 2)
    # Selections up to round 2 depend on the labels of rounds 0 and 1 alone.
    full = acquired_by(problem, hidden, recorder, PARAMS, name, tmp_path / "b", 3)
    assert full[:2] == before
    revealed = {pair for a in full[:2] for pair in recorder.known if pair[0] in a}
    keys = list(zip(problem.prepared.pair_a.tolist(), problem.prepared.pair_b.tolist(), strict=True))
    pool = problem.prepared.pairs_of("pool")
    unrevealed = np.array([row for row in range(pool.stop) if keys[row] not in revealed])
    votes = permuted(hidden.answers.votes, unrevealed, np.random.default_rng(5))
    assert not np.array_equal(votes, hidden.answers.votes)
    other = HiddenAnswers(Answers(votes, hidden.answers.scores), hidden.evaluation)
    again = acquired_by(problem, other, Recorder(problem, other, PARAMS), PARAMS, name, tmp_path / "c", 3)
    assert again == full


@pytest.mark.parametrize("name", sorted(PARAMS.policies))
def test_permuting_test_and_ood_answers_changes_no_selection(world, name, tmp_path):
    from prefloop.metrics.evaluation import evaluation_sets
    from prefloop.oracle.answers import Answers
    from prefloop.rounds.hidden import HiddenAnswers

    problem = load_problem(world)
    hidden = load_hidden(world.prepared, problem.prepared)
    outside = np.arange(problem.prepared.pairs_of("pool").stop, len(problem.prepared.pair_a))
    votes = permuted(hidden.answers.votes, outside, np.random.default_rng(5))
    assert not np.array_equal(votes, hidden.answers.votes)
    answers = Answers(votes, hidden.answers.scores)
    other = HiddenAnswers(answers, evaluation_sets(problem.prepared, answers))
    expected = acquired_by(problem, hidden, Recorder(problem, hidden, PARAMS), PARAMS, name, tmp_path / "a", 3)
    got = acquired_by(problem, other, Recorder(problem, other, PARAMS), PARAMS, name, tmp_path / "b", 3)
    assert got == expected


def test_validation_labels_are_counted_apart_and_never_acquired(layout):
    params = make_params(benchmark__validation=10)
    folder = run(params, layout)
    assert read_table(folder / "rounds.parquet").to_pydict()["n_val_labels"] == [10, 10, 10]
    assert digest(folder) != digest(run(PARAMS, layout))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"benchmark__rounds": 400}, r"budget is 2402 labels, but the pool has \d+ comparisons"),
        ({"benchmark__validation": 5000}, "5000 for validation"),
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
    from dataclasses import replace

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
