"""Rounds as DVC makes them: verdicts that fall between snapshot and hash, failures, this process's Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefloop.campaign.rounds import LOCK_LIST, RoundFailed, Rounds, mend, new_lines, stage_environment
from prefloop.errors import ConfigError
from prefloop.io.layout import Layout

LINE = b'{"pair_id": "x"}\n'


@pytest.fixture
def layout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    layout = Layout.repository()
    for path in (layout.labels, layout.label_snapshot):
        path.parent.mkdir(parents=True)
    layout.labels.write_bytes(LINE * 3)
    return layout


@given(st.integers(0, 9), st.integers(0, 9))
def test_lines_behind_the_snapshot_are_new(tmp_path_factory, seen, further):
    folder = tmp_path_factory.mktemp("log")
    log, snapshot = folder / "log", folder / "snapshot"
    log.write_bytes(LINE * (seen + further))
    if seen:
        snapshot.write_bytes(LINE * seen)
    assert new_lines(log, snapshot) == further
    # A log that was put back to an earlier state is another one.
    snapshot.write_bytes(LINE * (seen + further + 1))
    assert new_lines(log, snapshot) == 1


def rounds_of(layout, copies):
    """Rounds whose DVC copies the log only at the calls that `copies` says, as one that has hashed a later log."""
    calls, rounds = [], Rounds(layout)

    def repro(*arguments):
        if copies[len(calls)]:
            layout.label_snapshot.write_bytes(layout.labels.read_bytes())
        calls.append(arguments)

    rounds._repro = repro
    return rounds, calls


def test_a_verdict_that_dvc_takes_for_seen_is_seen(layout):
    layout.label_snapshot.write_bytes(LINE)
    rounds, calls = rounds_of(layout, [False, True, False])
    rounds.make()
    assert calls == [("evaluate", "acquire"), ("--force", "--single-item", "labels"), ("evaluate", "acquire")]
    assert new_lines(layout.labels, layout.label_snapshot) == 0


def test_a_round_that_has_seen_the_log_is_one_command(layout):
    rounds, calls = rounds_of(layout, [True])
    rounds.make()
    assert calls == [("evaluate", "acquire")]


def test_a_failure_shows_the_end_of_the_output(layout):
    told = []
    with pytest.raises(RoundFailed, match=r"dvc repro evaluate acquire ended with \d+:\n(.*\n)*.*DVC repository"):
        Rounds(layout, told.append).make()
    assert any("DVC repository" in line for line in told)


def test_a_round_can_be_ended_from_another_thread(layout, monkeypatch):
    # Instead of DVC a command that would go on for minutes.
    dvc = Path("dvc")
    dvc.mkdir()
    (dvc / "__main__.py").write_text("import time; print('here', flush=True); time.sleep(600)")
    monkeypatch.setenv("PYTHONPATH", str(Path.cwd()))
    said, failed = [], []
    rounds = Rounds(layout, said.append)

    def make():
        try:
            rounds.make()
        except RoundFailed as error:
            failed.append(error)

    thread = threading.Thread(target=make)
    thread.start()
    while not said:
        time.sleep(0.01)
    rounds.stop()
    thread.join(10)
    assert len(failed) == 1
    with pytest.raises(RoundFailed, match="stopped"):
        rounds.make()


@pytest.mark.parametrize("name", [str(LOCK_LIST), "dvc.lock"])
@pytest.mark.parametrize(
    ("content", "stays"), [(b"", False), (b'{"read": {', False), (b"{}", True), (None, False)]
)
def test_a_file_of_dvc_that_a_kill_cut_short_is_put_aside(tmp_path, name, content, stays):
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        path.write_bytes(content)
    mend(tmp_path)
    assert path.exists() is stays
    assert path.with_name(f"{path.name}.torn").exists() is (content is not None and not stays)


def test_dvc_works_again_where_its_own_files_were_cut_short(layout):
    from dvc.repo import Repo

    Repo.init(no_scm=True).close()
    Path("dvc.yaml").write_text("stages: {evaluate: {cmd: 'true'}, acquire: {cmd: 'true'}}")
    layout.label_snapshot.write_bytes(layout.labels.read_bytes())
    Rounds(layout).make()
    for path in (LOCK_LIST, Path("dvc.lock")):
        path.write_bytes(path.read_bytes()[:9] if path != LOCK_LIST else b"")
        with pytest.raises(RoundFailed, match=r"corrupted|invalid"):
            Rounds(layout)._repro("evaluate")
        Rounds(layout).make()
    assert "acquire" in Path("dvc.lock").read_text()


@pytest.fixture
def others():
    """A Python that has run for long, as DVC would, and another program."""
    commands = (["sleep", "60"], [sys.executable, "-c", "import time; time.sleep(60)"])
    processes = [subprocess.Popen(command) for command in commands]
    yield [process.pid for process in processes]
    for process in processes:
        process.kill()
        process.wait()


def locks_of(*numbers):
    holders = [{"pid": number, "cmd": "repro"} for number in numbers]
    return {"read": {"data/x": holders, "data/y": holders[:1]}, "write": {"data/z": holders[0]}}


@pytest.mark.parametrize(("later", "stay"), [(60.0, [1]), (-60.0, [])], ids=["since", "before"])
def test_locks_of_the_dead_whose_numbers_others_have_are_let_go(tmp_path, others, caplog, later, stay):
    path = tmp_path / LOCK_LIST
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(locks_of(*others)))
    os.utime(path, (time.time() + later,) * 2)
    mend(tmp_path)
    kept = [{"pid": others[number], "cmd": "repro"} for number in stay]
    assert json.loads(path.read_text()) == {"read": {"data/x": kept} if kept else {}, "write": {}}
    assert "a kill had left them there" in caplog.text
    before = path.read_bytes()
    mend(tmp_path)
    assert path.read_bytes() == before


def test_dvc_works_again_where_another_process_has_the_number_of_a_dead_one(layout, others):
    from dvc.repo import Repo

    Repo.init(no_scm=True).close()
    Path("dvc.yaml").write_text("stages: {evaluate: {cmd: 'echo > x', outs: [x]}, acquire: {cmd: 'true'}}")
    layout.label_snapshot.write_bytes(layout.labels.read_bytes())
    holder = {"pid": others[0], "cmd": "repro"}
    LOCK_LIST.parent.mkdir(parents=True, exist_ok=True)
    LOCK_LIST.write_text(json.dumps({"read": {}, "write": {str(Path("x").resolve()): holder}}))
    with pytest.raises(RoundFailed, match="is busy"):
        Rounds(layout)._repro("evaluate")
    Rounds(layout).make()


def test_stages_call_the_python_that_prefloop_is_installed_in(tmp_path):
    environment = stage_environment()
    assert environment["PATH"].split(os.pathsep)[0] == str(Path(sys.executable).parent)
    with pytest.raises(ConfigError, match="venv"):
        stage_environment(str(tmp_path / "python3.11"))
