"""A run resumes, wherever it was stopped, to the same bytes; what changed starts anew."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from prefloop.io.arrays import read_tensors, write_tensors
from prefloop.io.json import read_json
from tests.pool.runs import PARAMS, digest, fits, run
from tests.worlds import ROOT, make_params


def test_two_runs_give_identical_bytes(layout, world, tmp_path):
    one = digest(run(PARAMS, layout))
    shutil.rmtree(layout.state)
    assert digest(run(PARAMS, layout)) == one


def test_a_longer_run_continues_a_shorter_one(layout):
    longer = make_params(benchmark__rounds=4)
    run(PARAMS, layout)
    resumed = digest(run(longer, layout))
    assert fits(layout) == [0, 1, 2, 3]
    shutil.rmtree(layout.state)
    assert digest(run(longer, layout)) == resumed


@pytest.mark.parametrize("change", [{"policies__bal_pm__batch__beta": 0.5}, {"reward__mlp_ensemble__patience": 1}])
def test_changed_parameters_start_anew(layout, change):
    run(PARAMS, layout)
    run(make_params(**change), layout)
    assert fits(layout) == [0, 1, 2]


def test_changed_inputs_start_anew(layout):
    run(PARAMS, layout)
    manifest = read_json(layout.features / "manifest.json")
    (layout.features / "manifest.json").write_text(json.dumps(manifest | {"model": "other"}))
    run(PARAMS, layout)
    assert fits(layout) == [0, 1, 2]


def test_an_error_between_rounds_resumes_to_the_same_bytes(layout):
    def stop(record, seconds):
        if record.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(PARAMS, layout, observe=stop)
    resumed = digest(run(PARAMS, layout))
    assert fits(layout) == [0, 1, 2]
    shutil.rmtree(layout.state)
    assert digest(run(PARAMS, layout)) == resumed


def test_a_finished_run_is_not_evaluated_downstream_again_unless_asked_otherwise(layout, monkeypatch):
    import prefloop.pool.benchmark as module

    expected = digest(run(PARAMS, layout))
    calls = []
    real = module.downstream_predictions
    monkeypatch.setattr(
        module, "downstream_predictions", lambda *args, **options: calls.append(1) or real(*args, **options)
    )
    assert digest(run(PARAMS, layout)) == expected
    assert not calls
    other = digest(run(make_params(downstream__shares=[0.5, 1.0]), layout))
    assert calls == [1]
    assert fits(layout) == [0, 1, 2]
    assert {name for name in other if other[name] != expected[name]} == {
        "downstream.parquet",
        "downstream_policy.npy",
        "downstream_rewards.npy",
        "run.json",
    }


def test_a_damaged_state_file_is_done_again(layout, caplog):
    expected = digest(run(PARAMS, layout))
    damaged = next((layout.state / "runs" / "bal_pm" / "0").glob("*/round-0001.safetensors"))
    damaged.write_bytes(damaged.read_bytes()[:50])
    assert digest(run(PARAMS, layout)) == expected
    assert "round-0001.safetensors is damaged" in caplog.text


def test_rounds_kept_with_other_columns_are_made_again(layout, caplog):
    expected = digest(run(PARAMS, layout))
    path = next(layout.state.rglob("round-0001.safetensors"))
    tensors, metadata = read_tensors(path)
    facts = json.loads(metadata["facts"])
    facts["judge_calls"] = facts.pop("annotation_calls")
    write_tensors(path, tensors, metadata | {"facts": json.dumps(facts)})
    shutil.rmtree(layout.runs)
    assert digest(run(PARAMS, layout)) == expected
    assert "rounds.parquet: not listed: judge_calls" in caplog.text


SCRIPT = """
import sys
from pathlib import Path
from tests.pool.runs import PARAMS, run
from prefloop.io.layout import Layout
run(PARAMS, Layout.folder(Path(sys.argv[1])))
"""


def test_killed_at_any_moment_it_resumes_to_the_same_bytes(layout, tmp_path):
    expected = digest(run(PARAMS, layout))
    shutil.rmtree(layout.state)
    shutil.rmtree(layout.runs)
    # Writes are the tender moments: be killed in the middle of the n-th of them.
    for write in (2, 4, 5):
        code = (
            "import os, prefloop.io.atomic as atomic\n"
            "real, count = os.replace, [0]\n"
            "def replace(*args):\n"
            "    count[0] += 1\n"
            f"    if count[0] == {write}: os.kill(os.getpid(), 9)\n"
            "    return real(*args)\n"
            "os.replace = replace\n" + SCRIPT
        )
        dead = subprocess.run([sys.executable, "-c", code, str(layout.data)], cwd=ROOT, check=False)
        assert dead.returncode == -signal.SIGKILL
    process = subprocess.Popen([sys.executable, "-c", SCRIPT, str(layout.data)], cwd=ROOT)
    time.sleep(1.0)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert digest(run(PARAMS, layout)) == expected


def test_an_oracle_upper_bound_resumes_with_its_annotation_calls(response_world, tmp_path):
    shutil.copytree(response_world.data, tmp_path / "w")
    layout = type(response_world).folder(tmp_path / "w")

    def stop(record, seconds):
        if record.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(PARAMS, layout, "maxmin", observe=stop)
    resumed = digest(run(PARAMS, layout, "maxmin"))
    shutil.rmtree(layout.state)
    assert digest(run(PARAMS, layout, "maxmin")) == resumed
