"""Runs side by side: the same bytes as one after another, whatever befalls one of them."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time

import pytest
from mlflow import MlflowClient

from prefloop.errors import EXIT_FAILED, PrefloopError, StateError, exit_code_of
from prefloop.scale.comparison import make_runs
from prefloop.tracking.simulated import RunRecorder
from tests.scale.worlds import KEYS, Noting, Watcher, are_gone, contents, params_of, within

ALL_ROUNDS = {(policy, seed, number) for policy, seed in KEYS for number in range(5)}


@pytest.fixture(autouse=True)
def no_worker_is_left():
    yield
    assert are_gone(multiprocessing.active_children())


def test_two_at_a_time_leave_the_same_bytes_as_one(layout, undisturbed):
    watcher = Watcher()
    assert make_runs(params_of(2), layout, watcher) == KEYS
    assert contents(layout) == undisturbed
    # Every round is told once, those of a run in their order, and every run after its last round.
    assert len(watcher.rounds) == len(ALL_ROUNDS)
    assert set(watcher.rounds) == ALL_ROUNDS
    for policy, seed in KEYS:
        assert [of[2] for of in watcher.rounds if of[:2] == (policy, seed)] == list(range(5))
    assert sorted(watcher.folders) == sorted(layout.run(*key) for key in KEYS)
    # Nothing is missing, nothing is made again.
    assert make_runs(params_of(2), layout, None) == []


@pytest.mark.parametrize("pause_s", [0, 5])
def test_what_one_run_raises_is_one_message_and_the_finished_runs_stay(layout, undisturbed, capsys, pause_s):
    """A file where the resume state of bal_pm's second seed should lie; runs go seed by seed.

    What was finished before is told, also where the parent was slow and learns of all at once.
    """
    blocked = layout.state / "runs" / "bal_pm" / "1"
    blocked.parent.mkdir(parents=True)
    blocked.write_text("no folder")
    watcher = Watcher(after=1, action=lambda: time.sleep(pause_s))
    with within(600):
        assert exit_code_of(lambda: make_runs(params_of(2), layout, watcher)) == EXIT_FAILED
    assert are_gone(multiprocessing.active_children())
    (message,) = capsys.readouterr().err.splitlines()
    assert message.startswith("error: Not a directory")
    assert str(blocked) in message
    # What was stopped in the middle of its output has a name with a dot in front.
    kept = {name: content for name, content in contents(layout).items() if "/." not in name}
    finished = [key for key in KEYS if f"{key[0]}/{key[1]}/run.json" in kept]
    assert watcher.folders
    assert {layout.run(*key) for key in finished} >= set(watcher.folders)
    assert ("bal_pm", 1) not in finished
    assert kept.items() <= undisturbed.items()
    blocked.unlink()
    assert make_runs(params_of(2), layout, None) == [key for key in KEYS if key not in finished]
    assert contents(layout) == undisturbed


def test_inputs_that_cannot_be_read_are_the_error(layout):
    path = layout.prepared / "completions.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    with within(600), pytest.raises(PrefloopError, match=r"completions\.parquet"):
        make_runs(params_of(2), layout, None)
    assert are_gone(multiprocessing.active_children())


def test_a_killed_worker_is_an_error_at_once_and_its_rounds_stay(layout, undisturbed):
    def kill() -> None:
        os.kill(multiprocessing.active_children()[0].pid, signal.SIGKILL)

    before = Watcher(after=5, action=kill)
    with within(600), pytest.raises(StateError, match=r"ended from outside.*finished rounds are kept"):
        make_runs(params_of(2), layout, before)
    assert are_gone(multiprocessing.active_children())
    assert before.rounds
    assert len(before.folders) < len(KEYS)
    after = Watcher()
    make_runs(params_of(2), layout, after)
    assert contents(layout) == undisturbed
    # What was told is on disk: no round of it is made again.
    assert not set(after.rounds) & set(before.rounds)
    assert set(after.rounds) < ALL_ROUNDS


@pytest.mark.parametrize(("threads", "tracked"), [(1, True), (3, False)])
def test_a_worker_has_the_threads_it_was_given_and_no_mlflow(layout, tmp_path, threads, tracked):
    params = params_of(2, benchmark__threads=threads, tracking__enabled=tracked, benchmark__policies=["random"])
    noting = Noting(layout.data, layout.state)
    layout.state.mkdir()
    make_runs(params, noting, RunRecorder(params.tracking, tmp_path))
    notes = [json.loads(path.read_text()) for path in layout.state.glob("worker-*.json")]
    assert notes
    assert all(note == {"threads": threads, "mlflow": False} for note in notes)
    assert (tmp_path / "mlflow.db").exists() == tracked
    if tracked:
        client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
        experiments = [of.experiment_id for of in client.search_experiments()]
        written = [run for run in client.search_runs(experiments) if "mlflow.parentRunId" in run.data.tags]
        assert len(written) == 2
