"""What ends a comparison early reaches all its processes, and its message says which run it was."""

from __future__ import annotations

import multiprocessing
import os
import signal

import pytest

from prefloop.errors import ConfigError
from prefloop.io.layout import Layout
from prefloop.scale.comparison import make_runs
from tests.scale.conftest import copy_of
from tests.scale.worlds import are_gone, living, params_of, start_stage, wait_for, within


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_names_its_run_and_later_runs_are_not_begun(layout, jobs):
    """One pair a prompt is too little for the budget; other policies' seeds would go on for ten more runs."""
    params = params_of(jobs, policies__bal_pm__pairs__per_prompt=1, benchmark__seeds=list(range(12)))
    with within(600), pytest.raises(ConfigError, match=r"^bal_pm-0: the budget is 32 labels"):
        make_runs(params, layout, None)
    assert are_gone(multiprocessing.active_children())
    assert not (layout.state / "runs" / "random" / "11").exists()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_parent_that_was_killed_alone(world, tmp_path, how):
    copy_of(world, tmp_path / "data")
    layout = Layout(tmp_path / "data", tmp_path / ".prefloop")
    process = start_stage(tmp_path, params_of(2, benchmark__seeds=list(range(40))))
    wait_for(lambda: list(layout.state.glob("runs/*/*/*/round-0000.safetensors")))
    assert len(living(process.pid)) > 3
    os.kill(process.pid, how)
    process.wait(600)
    try:
        wait_for(lambda: not living(process.pid), seconds=60)
    finally:
        for orphan in living(process.pid):
            os.kill(orphan, signal.SIGKILL)
        process.communicate()
