"""A command line called in this process, small data, and small parameters with a tiny language model."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import yaml

import stages.acquire
import stages.evaluate
import stages.labels
import stages.train
from cli.main import main
from prefloop.io.layout import Layout
from stages._main import stage_main
from tests.embed.conftest import bert  # noqa: F401
from tests.worlds import make_params


class Outcome(NamedTuple):
    """What a command left: exit code, stdout, and stderr with the log in it."""

    code: int
    out: str
    err: str


Command = Callable[..., Outcome]
MINI = (
    "--policies",
    "random,bal_pm",
    "--no-baselines",
    "--seeds",
    "2",
    "--rounds",
    "3",
    "--initial",
    "8",
    "--batch",
    "6",
)


def rows(pairs: int = 90, prompts: int = 18, seed: int = 0) -> list[dict[str, Any]]:
    """Given pairs whose better answer has more 'good' words."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(pairs):
        words = rng.choice(8, 2, replace=False)
        a, b = (f"x{number}{side} " + "good " * int(w) for side, w in zip("ab", words, strict=True))
        label = "a" if words[0] > words[1] else "b"
        prompt = int(prompts * rng.random() ** 1.5)
        domain = "news" if prompt % 6 == 0 else "posts"
        made.append(
            {"prompt": f"q {prompt}", "completion_a": a, "completion_b": b, "label": label, "domain": domain}
        )
    return made


def write_rows(path: Path, content: list[dict[str, Any]]) -> Path:
    """Write JSONL."""
    path.write_text("".join(json.dumps(row) + "\n" for row in content))
    return path


def write_params(path: Path, model: Path | str, **changes: Any) -> Path:
    """Write small parameters with a tiny model."""
    small = {
        "embed__model": str(model),
        "embed__max_length": 48,
        "embed__device": "cpu",
        "benchmark__device": "cpu",
    }
    content = make_params(**(small | changes)).model_dump(mode="json")
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


@pytest.fixture(scope="session", autouse=True)
def _one_thread() -> None:
    # Another number of threads may change the last bits of vectors.
    torch.set_num_threads(1)


@pytest.fixture
def prefloop(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> Command:
    """Call `prefloop ARGUMENTS` from an empty folder; anything but a clean exit fails the test."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*arguments: object) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["prefloop", *map(str, arguments)])
        capsys.readouterr()
        caplog.clear()
        with pytest.raises(SystemExit) as stopped:
            main()
        captured = capsys.readouterr()
        return Outcome(int(stopped.value.code or 0), captured.out, captured.err + caplog.text)

    return call


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of given pairs."""
    return write_rows(tmp_path_factory.mktemp("data") / "mine.jsonl", rows())


@pytest.fixture(scope="session")
def params(tmp_path_factory: pytest.TempPathFactory, bert: Path) -> Path:  # noqa: F811
    """A parameter file."""
    return write_params(tmp_path_factory.mktemp("params") / "params.yaml", bert)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, data: Path, params: Path) -> tuple[Path, str]:
    """One comparison: its outputs and its stdout."""
    out, stdout = tmp_path_factory.mktemp("out"), io.StringIO()
    arguments = ["bench", "--data", data, "--out", out, "--params", params, *MINI, "--json"]
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(stdout):
        patch.chdir(tmp_path_factory.mktemp("cwd"))
        patch.setattr(sys, "argv", ["prefloop", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        assert not stopped.value.code
    return out, stdout.getvalue()


@pytest.fixture
def done(finished: tuple[Path, str], tmp_path: Path) -> Path:
    """A copy of a finished comparison."""
    out = tmp_path / "done"
    shutil.copytree(finished[0], out)
    return out


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory, finished: tuple[Path, str]) -> Path:
    """A repository in which all stages have run; its campaign waits for labels."""
    root = tmp_path_factory.mktemp("begun")
    shutil.copytree(finished[0], root / "data", ignore=shutil.ignore_patterns(".prefloop", "params.yaml"))
    shutil.copytree(finished[0] / ".prefloop", root / ".prefloop")
    shutil.copy(finished[0] / "params.yaml", root / "params.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        layout = Layout.repository()
        layout.labels.parent.mkdir()
        layout.labels.touch()
        for stage in (stages.labels, stages.train, stages.evaluate, stages.acquire):
            assert stage_main(stage.run) == 0
    return root


@pytest.fixture
def repository(prefloop: Command, begun: Path) -> Layout:
    """A copy of it below the current folder."""
    shutil.copytree(begun, ".", dirs_exist_ok=True)
    return Layout.repository()
