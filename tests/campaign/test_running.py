"""A campaign from its data to a round that is cut short, by the commands that a user gives."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest
from dvc.repo import Repo

from prefloop.campaign.graph import STAGES
from prefloop.config.edit import with_values
from stages._main import stage_main
from tests.cli.conftest import rows, write_rows
from tests.embed.conftest import bert  # noqa: F401
from tests.tracking.test_ui import wait_for
from tests.worlds import ROOT

TOKEN = "t" * 30
SMALL = {
    "embed.max_length": 48,
    "embed.device": "cpu",
    "neighbours.backend": "exact",
    "neighbours.k": 4,
    "reward.mlp_ensemble.layers": [8],
    "reward.mlp_ensemble.max_epochs": 2,
    "tracking.enabled": False,
}


def environment():
    kept = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept


@pytest.fixture
def folder(tmp_path: Path, bert: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """A campaign folder as `prefloop init` makes it, with a tiny model, and its first round.

    The round is made in this process, since the imports of seven stages take longer than all the rest.
    """
    data = write_rows(tmp_path / "pairs.jsonl", [{**row, "label": None} for row in rows(24, 12)])
    folder = tmp_path / "campaign"
    command = ["init", str(folder), "--data", str(data), "--initial", "4", "--batch", "4", "--json"]
    made = subprocess.run(
        [sys.executable, "-m", "cli.main", *command], env=environment(), capture_output=True, text=True, check=True
    )
    assert (json.loads(made.stdout)["folder"], made.stderr) == (str(folder), "")
    params = folder / "params.yaml"
    params.write_text(with_values(params.read_text(), SMALL | {"embed.model": str(bert)}))
    monkeypatch.chdir(folder)
    for stage in STAGES:
        assert stage_main(import_module(f"stages.{stage}").run) == 0
    with Repo() as repo:
        repo.commit(force=True)
    return folder


class Served:
    """`prefloop campaign run` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.out, self.err = folder.parent / "out", folder.parent / "err"
        command = [
            sys.executable,
            "-m",
            "cli.main",
            "campaign",
            "run",
            "--port",
            "0",
            "--annotator",
            f"ann:{TOKEN}",
        ]
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=out, stderr=err)
        self.url = self._url()

    def _url(self) -> str:
        end = time.monotonic() + 500
        while "labelling page: " not in self.out.read_text():
            assert self.process.poll() is None, self.err.read_text()
            assert time.monotonic() < end
            time.sleep(0.05)
        return self.out.read_text().split("labelling page: ")[1].split()[0]

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        with urlopen(
            Request(self.url + path, None if body is None else json.dumps(body).encode(), headers)
        ) as said:
            return json.loads(said.read() or "null")

    def label(self) -> None:
        task = self.call("/api/next")
        self.call("/api/verdicts", {"lease": task["lease"], "verdict": "left", "duration_ms": 1000})

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def is_stage(process: psutil.Process) -> bool:
    try:
        return any(part.startswith("stages.") for part in process.cmdline())
    except psutil.Error:
        return False


def test_people_label_while_a_round_is_made_and_nothing_is_left_when_it_is_ended(folder):
    served = Served(folder)
    try:
        assert wait_for(lambda: "round   0" in served.out.read_text() or served.family())
        for _ in range(4):
            served.label()
        end = time.monotonic() + 120
        while not any(map(is_stage, served.family())):
            assert time.monotonic() < end
            time.sleep(0.01)
        # A round is being made; the page answers all the same.
        assert served.call("/api/status")["progress"]["total"] == 4
        family = served.family()
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(30) == 0, served.err.read_text()
    finally:
        served.process.kill()
    assert wait_for(lambda: not any(one.is_running() and one.status() != "zombie" for one in family))
    host, port = served.url.removeprefix("http://").split(":")
    with socket.socket() as free:
        free.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        free.bind((host, int(port)))
    log = (folder / "data" / "labels" / "labels.jsonl").read_text().splitlines()
    assert [json.loads(line)["annotator"] for line in log] == ["ann"] * 4
    assert "Traceback" not in served.err.read_text()
