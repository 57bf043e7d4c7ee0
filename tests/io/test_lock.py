"""One writer at a time, also between processes."""

import subprocess
import sys

import pytest

from prefloop.errors import StateError
from prefloop.io.lock import locked
from tests.worlds import ROOT

HOLD = """
import sys
from pathlib import Path
from prefloop.io.lock import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_waits_and_then_gives_up(tmp_path):
    path = tmp_path / "new" / "x"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StateError, match="x is in use by another process"), locked(path, timeout=0.05):
            pass
        holder.communicate(b"")
    with locked(path, timeout=0.05):
        pass


def test_a_killed_holder_holds_nothing(tmp_path):
    path = tmp_path / "x"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        holder.kill()
    with locked(path, timeout=1):
        pass
