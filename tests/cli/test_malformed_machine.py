"""Disks, permissions and servers that fail: one clear message, and the results are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import MINI
from tests.cli.malformed import bench, changed, edited, is_one_error, lines, results
from tests.worlds import ROOT


def test_an_output_folder_that_is_a_file(prefloop, data, params, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        outcome = bench(prefloop, out, params, data)
        assert outcome.code == 1
        is_one_error(outcome, str(tmp_path / "file"))
    assert (tmp_path / "file").read_text() == "mine"


UNREACHABLE = {"enabled": True, "uri": "http://127.0.0.1:9", "experiment": "x"}


def test_an_unreachable_tracking_server_costs_no_result(prefloop, finished, data, params, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    path = edited(params, tmp_path / "p.yaml", "tracking", UNREACHABLE)
    outcome = prefloop("bench", "--data", data, "--out", tmp_path / "o", "--params", path, *MINI)
    assert outcome.code == 0
    assert "not tracked: MLflow at http://127.0.0.1:9: " in outcome.err
    assert "results are safe; when the store (tracking.uri) works again, run: prefloop track" in outcome.err
    assert "Traceback" not in outcome.err
    assert results(tmp_path / "o") == results(finished[0])


def test_track_on_an_unreachable_server_fails(prefloop, repository, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    edited(Path("params.yaml"), Path("params.yaml"), "tracking", UNREACHABLE)
    outcome = prefloop("track")
    assert outcome.code == 1
    is_one_error(outcome, "MLflow at http://127.0.0.1:9: ")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of a few pages, where mounting one is permitted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a file system is not permitted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("free", [40, 300])
def test_a_full_disk(prefloop, finished, data, params, small_disk, free):
    """Wherever the disk fills up, the same command goes on once there is space."""
    (small_disk / "ballast").write_bytes(bytes((1 << 20) - free * 1024))
    out = small_disk / "o"
    outcome = bench(prefloop, out, params, data)
    assert outcome.code == 1
    is_one_error(outcome, "disk full")
    assert not list(out.rglob("*.tmp"))
    (small_disk / "ballast").unlink()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    assert bench(prefloop, out, params, data).code == 0
    assert results(out) == results(finished[0])


def test_a_read_only_disk(prefloop, finished, data, params, small_disk):
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    outcome = bench(prefloop, small_disk / "o", params, data)
    assert outcome.code == 1
    is_one_error(outcome, "no permission to write or read")


def test_the_real_program_prints_one_line(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(lines(changed(2, label="up")))
    command = [sys.executable, "-m", "cli.main", "bench", "--data", path, "--out", tmp_path / "o"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: {path}, row 3, field 'label': got 'up', expected ")
    assert done.stderr.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) in (["x.jsonl"], ["o", "x.jsonl"])
