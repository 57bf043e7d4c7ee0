"""Killed with -9 at random moments, a run ends with the same bytes, and only the rest is computed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

from prefloop.dpo.record import DpoFormat
from prefloop.rounds.store import RoundStore
from tests.dpo.worlds import content, make_world, run, small_params
from tests.worlds import ROOT

# Imports once, then forks a run for each delay and kills it: every fork is a fresh, cold process of a run.
_PROGRAM = """
import os, signal, sys, time
from pathlib import Path
import prefloop.dpo.run, prefloop.judges.lexica, transformers.models.llama.modeling_llama
from prefloop.dpo.layout import DpoLayout
from prefloop.dpo.record import DpoFormat
from prefloop.rounds.store import RoundStore
from tests.dpo.worlds import run, small_params

kills = 0
for delay in map(float, sys.argv[2:]):
    child = os.fork()
    if not child:
        run(DpoLayout.folder(Path(sys.argv[1])), small_params(run={"rounds": 5}), "hybrid", 3)
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    kills += os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
print(kills)
"""


def killed(root, delays):
    """Start a run so often, kill it after each delay; returns how many of them were still at work."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", _PROGRAM, str(root), *(f"{delay:.3f}" for delay in delays)]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return int(done.stdout)


def rounds_done(layout):
    logs = list((layout.state / "runs" / "hybrid" / "3").glob("*/log.jsonl"))
    return [json.loads(line)["round"] for log in logs for line in log.read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    layout = make_world(tmp_path_factory.mktemp("whole"))
    began = time.monotonic()
    folder = run(layout, small_params(run={"rounds": 5}), "hybrid", 3)
    return content(folder), time.monotonic() - began


def test_ten_kills(tmp_path, undisturbed):
    expected, seconds = undisturbed
    layout = make_world(tmp_path)
    delays = np.random.default_rng(0).uniform(0.02, 0.35, size=10) * seconds
    assert killed(tmp_path, delays) >= 5
    folder = run(layout, small_params(run={"rounds": 5}), "hybrid", 3)
    assert content(folder) == expected
    # A round that was done twice would stand twice in the log; a kill right after its last write leaves no line.
    done = rounds_done(layout)
    assert len(done) == len(set(done)) >= 4


def test_a_damaged_round_is_done_again(tmp_path, undisturbed):
    expected, _ = undisturbed
    layout = make_world(tmp_path)
    params = small_params(run={"rounds": 5})
    run(layout, params, "hybrid", 3)
    state = next((layout.state / "runs" / "hybrid" / "3").glob("*/round-0003.safetensors"))
    state.write_bytes(state.read_bytes()[:100])
    next(state.parent.glob("policy-0005.safetensors")).unlink()
    seen = []
    assert content(run(layout, params, "hybrid", 3, seen)) == expected
    assert [done.facts["round"] for done in seen] == [3, 4, 5]


def test_lost_weights_are_trained_again(tmp_path, undisturbed):
    expected, _ = undisturbed
    layout = make_world(tmp_path)
    run(layout, small_params(run={"rounds": 4}), "hybrid", 3)
    next((layout.state / "runs" / "hybrid" / "3").glob("*/policy-0004.safetensors")).unlink()
    seen = []
    assert content(run(layout, small_params(run={"rounds": 5}), "hybrid", 3, seen)) == expected
    assert [done.facts["round"] for done in seen] == [5]


def test_rounds_behind_a_gap_are_forgotten(tmp_path, undisturbed):
    """A round that is done again must not be followed by those of another history."""
    layout = make_world(tmp_path)
    run(layout, small_params(run={"rounds": 5}), "hybrid", 3)
    folder = next((layout.state / "runs" / "hybrid" / "3").glob("*/"))
    (folder / "round-0002.safetensors").write_bytes(b"damaged")
    (folder / "policy-0000.safetensors").write_bytes(b"left over")
    records = RoundStore(folder.parent, folder.name, DpoFormat(), {}).load()
    assert [record.number for record in records] == [0, 1]
    assert sorted(path.name for path in folder.glob("round-*")) == [
        "round-0000.safetensors",
        "round-0001.safetensors",
    ]
    assert not (folder / "policy-0000.safetensors").exists()
