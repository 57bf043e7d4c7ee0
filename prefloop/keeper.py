"""Keeper: a program between a process and a command that it started, see `prefloop.processes`.

Called with a pipe, two times and the command. Of the pipe's other end only the process that wants the command has
one, so its end is noticed however it came; then the command's whole group is ended. Standard library only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time


def main(pipe: int, grace: float, orphans: float, command: list[str]) -> None:
    """Run a command, and end its group with it or with whoever holds the other end of the pipe.

    Args:
        pipe: its reading end.
        grace: seconds that the command has to end.
        orphans: seconds that the rest of its group has after it.
        command: what runs.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, start_new_session=True)

    def end() -> None:
        _end_group(child, grace, orphans)
        os._exit(0)

    def watch() -> None:
        os.read(pipe, 1)
        end()

    # In a thread, since this one reaps the child meanwhile.
    signal.signal(signal.SIGTERM, lambda number, frame: threading.Thread(target=end, daemon=True).start())
    threading.Thread(target=watch, daemon=True).start()
    code = child.wait()
    _end_group(child, grace, orphans)
    os._exit(code if code >= 0 else 1)


def _end_group(child: subprocess.Popen[bytes], grace: float, orphans: float) -> None:
    late = time.monotonic() + grace
    try:
        os.killpg(child.pid, signal.SIGTERM)
        while time.monotonic() < late:
            if child.poll() is not None:
                late = min(late, time.monotonic() + orphans)
            os.killpg(child.pid, 0)
            time.sleep(0.02)
        os.killpg(child.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])
