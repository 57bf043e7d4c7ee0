"""Processes that end with whoever started them, and with them all that they started themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

GRACE_S = 5.0

# Stands between this process and the command: it holds the reading end of a pipe whose other end only this process
# has, so it notices the end of this process however that came, and ends the command's whole group.
_KEEPER = """
import os, signal, subprocess, sys, threading, time
pipe = int(sys.argv[1])
signal.signal(signal.SIGINT, signal.SIG_IGN)
child = subprocess.Popen(sys.argv[2:], start_new_session=True)
def end_group():
    try:
        os.killpg(child.pid, signal.SIGTERM)
        late = time.monotonic() + float(%r)
        while time.monotonic() < late:
            child.poll()
            os.killpg(child.pid, 0)
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
def end():
    end_group()
    os._exit(0)
def watch():
    os.read(pipe, 1)
    end()
# In a thread, since this one is to reap the child meanwhile.
signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=end, daemon=True).start())
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
end_group()
os._exit(code if code >= 0 else 1)
""" % (GRACE_S - 1)


@contextmanager
def kept(
    command: Sequence[str],
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    output: int | None = None,
) -> Iterator[subprocess.Popen[Any]]:
    """A command that runs until it ends by itself, or this block or this process does.

    Args:
        command: what runs, with its arguments.
        folder: where it runs; None is here.
        environment: its environment; None is this process's own.
        output: where both its outputs go, as for `subprocess`; None is where this process's go.

    Yields:
        A process that ends with the command, and with its exit code; `terminate` ends the whole group.
    """
    reading, writing = os.pipe()
    try:
        keeper = subprocess.Popen(
            [sys.executable, "-c", _KEEPER, str(reading), *command],
            pass_fds=(reading,),
            start_new_session=True,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)
    try:
        yield keeper
    finally:
        os.close(writing)
        with suppress(subprocess.TimeoutExpired):
            keeper.wait(GRACE_S + 1)
        if keeper.stdout is not None:
            keeper.stdout.close()
