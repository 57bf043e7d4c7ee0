"""Serving the MLflow UI: refused where nothing can listen, announced once it answers, gone with whoever asked."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

from prefloop.errors import AddressError, TrackingError
from prefloop.io.address import listening, url_of

_PATIENCE_S = 120.0
_POLL_S = 0.2
_GRACE_S = 5.0

# Stands between this process and the server: it holds the reading end of a pipe whose other end only this process
# has, so it notices the end of this process however that came, and ends the server's whole group.
_KEEPER = """
import os, signal, subprocess, sys, threading
pipe = int(sys.argv[1])
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[2:], start_new_session=True)
def end():
    try:
        os.killpg(child.pid, signal.SIGTERM)
        try:
            child.wait(float(%r))
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os._exit(0)
def watch():
    os.read(pipe, 1)
    end()
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
try:
    os.killpg(child.pid, signal.SIGTERM)
except ProcessLookupError:
    pass
os._exit(code if code >= 0 else 1)
""" % (_GRACE_S - 1)


def check_free(host: str, port: int) -> None:
    """Refuse an address that nothing can listen on, before anything is started.

    Raises:
        TrackingError: a port in use, a host that is unknown or not this machine's, or no permission.
    """
    try:
        listening(host, port).close()
    except AddressError as error:
        raise TrackingError(str(error)) from None


def serve(command: list[str], host: str, port: int, tell: Callable[[str], None]) -> int:
    """Run a server until it ends or this process does; none of its processes is left behind.

    Args:
        command: what serves.
        host, port: where it will listen.
        tell: called with the address, once it answers.

    Returns:
        The server's exit code; 0 where the user ended it.

    Raises:
        TrackingError: it ended before it answered, or does not answer.
    """
    reading, writing = os.pipe()
    keeper = subprocess.Popen(
        [sys.executable, "-c", _KEEPER, str(reading), *command], pass_fds=(reading,), start_new_session=True
    )
    os.close(reading)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _await_answer(keeper, host, port)
        tell(url_of(host, port))
        return keeper.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(writing)
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(_GRACE_S)


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _await_answer(keeper: subprocess.Popen[bytes], host: str, port: int) -> None:
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        if keeper.poll() is not None:
            raise TrackingError(f"the MLflow UI ended by itself (exit code {keeper.returncode}): see its messages")
        if _answers(host, port):
            return
        time.sleep(_POLL_S)
    raise TrackingError(f"the MLflow UI does not answer at {host}:{port} after {_PATIENCE_S:.0f} s")


def _answers(host: str, port: int) -> bool:
    # What listens everywhere is asked here.
    connection = HTTPConnection({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host), port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()
