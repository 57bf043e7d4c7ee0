"""Serving: addresses that nothing can listen on, the announcement, and processes that end with their parent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prefloop.errors import TrackingError
from prefloop.tracking.ui import check_free, serve
from tests.worlds import ROOT

# A small server, with a worker of its own as the MLflow UI has; it writes the ids of both into a file.
WORKER = "import time; time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
SERVER = """
import http.server, os, subprocess, sys, time
worker = subprocess.Popen([sys.executable, "-c", sys.argv[3]])
open(sys.argv[2], "w").write(f"{os.getpid()} {worker.pid}")
time.sleep(0.3)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""
PARENT = """
import signal, sys
# What was started in the background of a shell ignores Ctrl-C; here it is at the front.
signal.signal(signal.SIGINT, signal.default_int_handler)
from prefloop.tracking import ui
ui._GRACE_S = 1.0
ui.serve(sys.argv[3:], "127.0.0.1", int(sys.argv[1]), lambda address: open(sys.argv[2], "w").write(address))
"""


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def test_a_busy_port_is_refused(port):
    check_free("127.0.0.1", port)
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", port))
        busy.listen()
        with pytest.raises(TrackingError, match=f"--port {port}: another program listens there"):
            check_free("127.0.0.1", port)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1", "a" * 300, "1.2.3.4.5"])
def test_a_host_that_is_not_this_machine_is_refused(host, port):
    with pytest.raises(TrackingError, match=f"--host {host} .*(no such host|no address of this machine)"):
        check_free(host, port)


def is_there(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition) -> bool:
    end = time.monotonic() + 15
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


@pytest.mark.parametrize(
    ("number", "worker"),
    [(signal.SIGTERM, WORKER), (signal.SIGINT, WORKER), (signal.SIGKILL, WORKER), (signal.SIGTERM, STUBBORN)],
)
def test_the_address_is_told_when_it_answers_and_all_end_with_the_parent(tmp_path, port, number, worker):
    pids, told = tmp_path / "pids", tmp_path / "told"
    server = [sys.executable, "-c", SERVER, str(port), str(pids), worker]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(port), str(told), *server], env=environment)
    assert wait_for(lambda: told.is_file() and told.read_text())
    assert told.read_text() == f"http://127.0.0.1:{port}"
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
    children = [int(pid) for pid in pids.read_text().split()]
    assert all(map(is_there, children))
    parent.send_signal(number)
    assert parent.wait(15) == (-9 if number == signal.SIGKILL else 0)
    assert wait_for(lambda: not any(map(is_there, children)))


def test_a_server_that_ends_before_it_answers_is_no_success(port):
    told = []
    with pytest.raises(TrackingError, match=r"ended by itself .exit code 3."):
        serve([sys.executable, "-c", "raise SystemExit(3)"], "127.0.0.1", port, told.append)
    assert not told
