"""Comparisons of two policies and two seeds, in this process or in a group of their own that is killed."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml

from prefloop.config import Params
from prefloop.io.layout import Layout
from prefloop.scale.comparison import make_runs
from tests.worlds import ROOT, make_params

KEYS = [("random", 0), ("random", 1), ("bal_pm", 0), ("bal_pm", 1)]


def params_of(jobs: int, **changes: Any) -> Params:
    """Four runs of five rounds."""
    return make_params(benchmark__jobs=jobs, benchmark__rounds=5, **changes)


class Watcher:
    """Notes what a comparison tells, and does something after a given number of rounds."""

    def __init__(self, after: int = 0, action: Callable[[], None] = lambda: None) -> None:
        self.rounds: list[tuple[str, int, int]] = []
        self.folders: list[Path] = []
        self._after, self._action = after, action

    def round(self, about: Any, facts: Any, metrics: Any, seconds: float) -> None:
        """Note policy, seed and number of a round."""
        self.rounds.append((about["policy"], about["seed"], facts["round"]))
        if len(self.rounds) == self._after:
            self._action()

    def run_done(self, folder: Path) -> None:
        """Note a run's folder."""
        self.folders.append(folder)


def contents(layout: Layout) -> dict[str, bytes]:
    """Every file of the runs by its path, hidden and temporary ones included."""
    files = (path for path in sorted(layout.runs.rglob("*")) if path.is_file())
    return {str(path.relative_to(layout.runs)): path.read_bytes() for path in files}


def are_gone(workers: list[Any]) -> bool:
    """Whether worker processes end, within a few seconds."""
    for process in workers:
        process.join(60)
    return not any(process.is_alive() for process in workers)


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail instead of hanging."""

    def fail(*_: object) -> None:
        raise AssertionError(f"it hangs for {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclass(frozen=True)
class Noting(Layout):
    """A layout to which a worker that asks it where its run lies tells its threads, and whether it has MLflow."""

    def run(self, policy: str, seed: int) -> Path:
        """The run's folder."""
        if multiprocessing.parent_process() is not None:
            note = {"threads": torch.get_num_threads(), "mlflow": "mlflow" in sys.modules}
            (self.state / f"worker-{os.getpid()}.json").write_text(json.dumps(note))
        return super().run(policy, seed)


@dataclass(frozen=True)
class Deadly(Layout):
    """A layout with which a worker kills its whole group before it has renamed its n-th finished file."""

    write: int = 0

    @property
    def prepared(self) -> Path:
        """Folder of the prepared tables, which a worker asks for before it runs anything."""
        if multiprocessing.parent_process() is not None and not hasattr(os.replace, "armed"):
            _arm(self.write)
        return super().prepared


def _arm(write: int) -> None:
    real, count = os.replace, [0]

    def replace(*arguments: Any) -> None:
        count[0] += 1
        if count[0] == write:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        real(*arguments)

    replace.armed = True  # type: ignore[attr-defined]
    os.replace = replace  # type: ignore[assignment]


def die(root: str, write: str) -> None:
    """Start the comparison of which no process survives."""
    folder = Path(root)
    make_runs(params_of(2), Deadly(folder, folder / ".prefloop", int(write)), None)


def killed_at(layout: Layout, write: int) -> int:
    """Exit code of a comparison in a group of its own, killed at a worker's n-th write."""
    code = f"from tests.scale.worlds import die; die({str(layout.data)!r}, '{write}')"
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, start_new_session=True, check=False).returncode


def start_stage(root: Path, params: Params) -> subprocess.Popen[str]:
    """Start the stage benchmark in a session of its own, as `dvc repro` would, below `root`."""
    (root / "params.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json")))
    return subprocess.Popen(
        [sys.executable, "-m", "stages.benchmark"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        start_new_session=True,
        # A shell starts what it puts in the background with Ctrl-C ignored, and children inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], object], seconds: float = 600.0) -> None:
    """Wait until a condition holds; a test that waits in vain fails."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s in vain"
        time.sleep(0.01)


def living(session: int) -> list[int]:
    """Processes of a session that are not gone yet; those that wait to be collected are gone."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, of = path.read_text().rsplit(")", 1)[1].split()[:4]
        except OSError:
            continue
        if int(of) == session and state != "Z":
            found.append(int(path.parent.name))
    return found
