"""Rounds of a campaign, made by `dvc repro` as by hand, so that the same log gives the same bytes."""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import yaml

from prefloop.errors import ConfigError, PrefloopError
from prefloop.io.atomic import atomic_path
from prefloop.io.layout import Layout
from prefloop.processes import kept

log = logging.getLogger("prefloop")

TARGETS = ("evaluate", "acquire")
LOCK_LIST = Path(".dvc/tmp/rwlock")
_TAIL_LINES, _LOOKS = 30, 5
# Seconds by which start times of processes and times of files may differ.
_CLOCK_S = 2.0


class RoundFailed(PrefloopError):
    """A round that DVC could not make; the message ends with the last lines of its output."""


class Rounds:
    """Makes the rounds of a campaign.

    Args:
        layout: where log and snapshot lie.
        tell: called with each line of output.
        folder: the campaign's; None is the current one.
    """

    def __init__(
        self, layout: Layout, tell: Callable[[str], None] = lambda line: None, folder: Path | None = None
    ) -> None:
        self._layout, self._tell, self._folder = layout, tell, folder
        self._environment = stage_environment()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_stopped = False

    def make(self) -> None:
        """Make a round on the log as it stands now, or a later one.

        DVC hashes the log after the stage `labels` has copied it. A verdict that comes between the two is taken
        for seen, and the round would leave it out until the next one comes: then the stage is made to run.

        Raises:
            RoundFailed: a stage failed, or another DVC works here.
        """
        size = size_of(self._layout.labels)
        mend(self._folder or Path())
        self._repro(*TARGETS)
        if size_of(self._layout.label_snapshot) < size:
            self._repro("--force", "--single-item", "labels")
            self._repro(*TARGETS)

    def stop(self) -> None:
        """End the round that is being made, from another thread; `make` fails then, and ever after."""
        self._is_stopped = True
        if self._process is not None:
            self._process.terminate()

    def _repro(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "dvc", "repro", *arguments]
        tail: deque[str] = deque(maxlen=_TAIL_LINES)
        with kept(command, folder=self._folder, environment=self._environment, output=subprocess.PIPE) as process:
            self._process = process
            if self._is_stopped:
                raise RoundFailed("stopped")
            assert process.stdout is not None
            for raw in process.stdout:
                # A bar of progress writes one line over and over.
                for line in filter(None, raw.decode(errors="replace").rstrip().split("\r")):
                    tail.append(line)
                    self._tell(line)
            code = process.wait()
        if code:
            raise RoundFailed(f"dvc repro {' '.join(arguments)} ended with {code}:\n" + "\n".join(tail))


def stage_environment(executable: str = sys.executable, path: str | None = None) -> dict[str, str]:
    """The environment in which `python`, as stages call it, is this process's Python.

    Args:
        executable: this process's Python.
        path: PATH, by default that of the environment.

    Raises:
        ConfigError: beside this process's Python there is none of that name.
    """
    folder = Path(executable).parent
    if shutil.which("python", path=str(folder)) is None:
        raise ConfigError(
            f"there is no {folder / 'python'}, which the stages of dvc.yaml call: install prefloop into a virtual "
            "environment (python3 -m venv)"
        )
    before = os.environ.get("PATH", "") if path is None else path
    return os.environ | {"PATH": f"{folder}{os.pathsep}{before}", "DVC_NO_ANALYTICS": "1"}


def mend(folder: Path) -> None:
    """Put DVC's own files aside that a kill has cut short: it would refuse to work until somebody does.

    They are its list of locks, which holds nothing once all are dead, and dvc.lock, without which stages are run
    again. Both are written in place within moments: what is still broken after a second, nobody is writing.
    """
    for path in (folder / LOCK_LIST, folder / "dvc.lock"):
        if _is_broken(path):
            aside = path.with_name(f"{path.name}.torn")
            os.replace(path, aside)
            log.warning("%s was cut short by a kill, and is put aside as %s", path, aside.name)
    _let_go(folder / LOCK_LIST)


def _let_go(path: Path) -> None:
    """Take those out of the list of locks who are dead, and whose number another process has got since.

    DVC asks whether there is a process of that number, and would be kept from working for as long as it lives.
    """
    from dvc.exceptions import DvcException
    from dvc.lock import make_lock

    try:
        if not _strangers(json.loads(path.read_bytes()), path.stat().st_mtime):
            return
        with make_lock(f"{path}.lock", tmp_dir=str(path.parent)):
            locks = json.loads(path.read_bytes())
            strangers = _strangers(locks, path.stat().st_mtime)
            with atomic_path(path) as temporary:
                temporary.write_text(json.dumps(_without(strangers, locks)))
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, DvcException):
        return  # DVC says what is wrong with it
    log.warning("%s named %s, which are no DVC any more: a kill had left them there", path, sorted(strangers))


def _without(numbers: set[int], locks: dict[str, Any]) -> dict[str, Any]:
    """A list of locks without those of some processes."""

    def stays(holder: dict[str, Any]) -> bool:
        return holder["pid"] not in numbers

    readers = {name: list(filter(stays, holders)) for name, holders in locks.get("read", {}).items()}
    return {
        "read": {name: holders for name, holders in readers.items() if holders},
        "write": {name: holder for name, holder in locks.get("write", {}).items() if stays(holder)},
    }


def _strangers(locks: dict[str, Any], written_at: float) -> set[int]:
    """Numbers in a list of locks that other processes than DVC have."""
    readers = [one["pid"] for holders in locks.get("read", {}).values() for one in holders]
    numbers = {*readers, *(one["pid"] for one in locks.get("write", {}).values())}
    return {number for number in numbers if psutil.pid_exists(number) and not _may_hold(number, written_at)}


def _may_hold(number: int, written_at: float) -> bool:
    """Whether a process may have written itself into the list: it is older, and is DVC or a Python."""
    try:
        process = psutil.Process(number)
        names = [Path(part).name for part in process.cmdline()[:3]]
        is_dvc = any(name.startswith(("dvc", "python", "jupyter", "ipython")) for name in names)
        return is_dvc and process.create_time() <= written_at + _CLOCK_S
    except psutil.NoSuchProcess:
        return False
    except psutil.Error:
        return True


def _is_broken(path: Path) -> bool:
    """Whether a file holds no mapping; JSON is YAML too."""
    for _ in range(_LOOKS):
        try:
            if isinstance(yaml.safe_load(path.read_bytes()), dict):
                return False
        except FileNotFoundError:
            return False
        except yaml.YAMLError:
            pass
        time.sleep(1 / _LOOKS)
    return path.is_file()


def size_of(path: Path) -> int:
    """Bytes of a file, -1 where there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def new_lines(log: Path, snapshot: Path) -> int:
    """Lines of the log that are not in its snapshot; one that is shorter than it counts as new.

    Args:
        log: the label log, only appended to.
        snapshot: its copy by the stage `labels`; may be missing.
    """
    seen, size = max(size_of(snapshot), 0), size_of(log)
    if size < seen:
        return 1
    with open(log, "rb") as handle:
        handle.seek(seen)
        return handle.read().count(b"\n")
