"""A killed or interrupted comparison leaves no process and no half of an output, and goes on from there."""

from __future__ import annotations

import os
import signal

import pytest

from prefloop.errors import EXIT_INTERRUPTED
from prefloop.io.layout import Layout
from prefloop.pool.identity import is_whole
from prefloop.scale.comparison import make_runs
from tests.scale.conftest import copy_of
from tests.scale.worlds import (
    KEYS,
    Watcher,
    contents,
    killed_at,
    living,
    params_of,
    start_stage,
    wait_for,
)


def unfinished_folders(layout):
    """Folders of runs that lack a file; a reader looks at names without a dot in front."""
    return [f for f in layout.runs.glob("*/[!.]*") if not is_whole(f)]


def test_a_killed_group_goes_on_to_the_same_bytes(layout, undisturbed):
    """Killed at the third file, the second round's model, then again in the middle of a finished run's folder."""
    for write in (3, 14):
        assert killed_at(layout, write) == -signal.SIGKILL
        assert list(layout.data.rglob(".*.tmp"))
        assert not unfinished_folders(layout)
    after = Watcher()
    made = make_runs(params_of(2), layout, after)
    assert made
    assert contents(layout) == undisturbed
    assert not list(layout.data.rglob(".*.tmp"))
    assert len(after.rounds) < 5 * len(KEYS)


@pytest.mark.parametrize("stop", [os.killpg, os.kill], ids=["group", "parent"])
def test_ctrl_c_is_one_message_and_leaves_no_process(world, tmp_path, undisturbed, stop):
    """To a terminal's whole group, or to the parent alone."""
    copy_of(world, tmp_path / "data")
    layout = Layout(tmp_path / "data", tmp_path / ".prefloop")
    # So many runs that none of them is the last when the signal comes.
    process = start_stage(tmp_path, params_of(2, benchmark__seeds=list(range(40))))

    def two_at_work() -> bool:
        rounds = layout.state.glob("runs/*/*/*/round-0000.safetensors")
        return len({path.parent for path in rounds}) >= 2

    wait_for(two_at_work)
    assert len(living(process.pid)) > 3
    stop(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=600)
    assert process.returncode == EXIT_INTERRUPTED
    assert err.splitlines()[-1] == "interrupted: run the same command again; finished work is kept"
    assert "Traceback" not in err
    wait_for(lambda: not living(process.pid))
    assert not unfinished_folders(layout)
    kept = {name: content for name, content in contents(layout).items() if name in undisturbed}
    assert kept.items() <= undisturbed.items()
