"""Processes that end with whoever started them, and with them all that they started themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

# Seconds to end by oneself: of a command, and of what it leaves behind.
GRACE_S, _ORPHANS_S = 5.0, 0.5
_KEEPER = Path(__file__).with_name("keeper.py")


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
            [sys.executable, "-I", str(_KEEPER), str(reading), str(GRACE_S - 1), str(_ORPHANS_S), *command],
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
