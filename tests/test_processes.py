"""Processes that end with whoever started them: output, exit codes, and members of a group that do not want to."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefloop.processes import kept
from tests.tracking.test_ui import is_there, wait_for

# A command with a child that ignores SIGTERM; it writes the ids of both into a file.
STUBBORN = """
import os, signal, subprocess, sys, time
code = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
child.stdout.readline()
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(float(sys.argv[2]))
"""


def test_both_outputs_and_the_exit_code_come_through(tmp_path):
    code = "import os, sys; print(os.getcwd(), os.environ['WHO'], flush=True); sys.exit('err')"
    command = [sys.executable, "-c", code]
    environment = os.environ | {"WHO": "me"}
    with kept(command, folder=tmp_path, environment=environment, output=subprocess.PIPE) as process:
        said = process.stdout.read().decode()
        assert process.wait() == 1
    assert said == f"{tmp_path.resolve()} me\nerr\n"


@pytest.mark.parametrize(("seconds", "ends"), [(600, "block"), (600, "terminate"), (0, "itself")])
def test_nobody_of_the_group_is_left(tmp_path, seconds, ends):
    pids = tmp_path / "pids"
    with kept([sys.executable, "-c", STUBBORN, str(pids), str(seconds)]) as process:
        assert wait_for(lambda: pids.is_file() and len(pids.read_text().split()) == 2)
        group = [int(pid) for pid in pids.read_text().split()]
        if ends == "terminate":
            process.terminate()
        if ends != "block":
            process.wait(10)
    assert wait_for(lambda: not any(map(is_there, group)))


def test_a_command_that_is_not_there_leaves_no_open_pipe(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(FileNotFoundError), kept([sys.executable], folder=tmp_path / "missing"):
        pass
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_block_that_fails_ends_its_command(tmp_path):
    started = time.monotonic()
    with pytest.raises(ZeroDivisionError), kept([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        raise ZeroDivisionError
    assert process.poll() is not None
    assert time.monotonic() - started < 10
    assert not Path(f"/proc/{process.pid}").exists() or not is_there(process.pid)
