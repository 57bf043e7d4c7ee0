"""Serving the MLflow UI: refused where nothing can listen, announced once it answers, gone with whoever asked."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPConnection, HTTPException

from prefloop.errors import TrackingError

_PATIENCE_S = 120.0
_POLL_S = 0.2
# For SIGTERM, and for SIGKILL after it.
_GRACE_S = 3.0

# Stands between this process and the server: it holds the reading end of a pipe whose other end only this process
# has, so it notices the end of this process however that came, and ends the server's whole group: with SIGTERM,
# and what does not follow with SIGKILL. It stays until the group is gone, whichever of its processes ended first.
_KEEPER = """
import os, signal, subprocess, sys, threading, time
pipe, grace = int(sys.argv[1]), float(sys.argv[2])
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[3:], start_new_session=True)
def is_there():
    child.poll()
    try:
        os.killpg(child.pid, 0)
    except ProcessLookupError:
        return False
    return True
def end(code):
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + grace
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            break
        while is_there() and time.monotonic() < deadline:
            time.sleep(0.05)
    os._exit(code)
def watch():
    os.read(pipe, 1)
    end(0)
signal.signal(signal.SIGTERM, lambda *_: end(0))
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
end(code if code >= 0 else 1)
"""


def check_free(host: str, port: int) -> None:
    """Refuse an address that nothing can listen on, before anything is started.

    Raises:
        TrackingError: a port in use, a host that is unknown or not this machine's, or no permission.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except (OSError, UnicodeError) as error:
        raise TrackingError(f"--host {host} --port {port}: {_cause(error)}") from None


def _cause(error: OSError | UnicodeError) -> str:
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return "there is no such host; give a name or address of this machine, such as 127.0.0.1"
    if error.errno == errno.EADDRINUSE:
        return "another program listens there; end it, or give another --port"
    if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
        return "no address of this machine; give one that is, such as 127.0.0.1"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "no permission to listen there; give a --port above 1023"
    return f"cannot listen there ({error.strerror or error})"


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
        [sys.executable, "-c", _KEEPER, str(reading), str(_GRACE_S), *command],
        pass_fds=(reading,),
        start_new_session=True,
    )
    os.close(reading)
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _await_answer(keeper, host, port)
        tell(f"http://{_in_address(host)}:{port}")
        return keeper.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)
        os.close(writing)
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(3 * _GRACE_S)


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


def _in_address(host: str) -> str:
    return f"[{host}]" if ":" in host else host
