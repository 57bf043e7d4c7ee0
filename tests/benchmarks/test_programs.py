"""Every benchmark loads, and the one on the published slip runs on a folder as the stages write it."""

from __future__ import annotations

import importlib
import sys

import pytest

from benchmarks import published_slip
from tests.worlds import ROOT, make_params, make_world, pair_records

PROGRAMS = sorted(path.stem for path in (ROOT / "benchmarks").glob("[!_]*.py"))


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_loads_and_tells_its_options(name, monkeypatch, capsys):
    program = importlib.import_module(f"benchmarks.{name}")
    if not hasattr(program, "main"):
        assert name in ("annotator_references", "held_out_votes", "plain_members", "published_tables"), (
            "what the others share is no program"
        )
        return
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as stopped:
        program.main()
    assert stopped.value.code == 0
    assert f"usage: {name}" in capsys.readouterr().out


def test_the_slip_is_compared_on_a_prepared_folder(tmp_path):
    params = make_params()
    layout = make_world(tmp_path, pair_records(prompts=60, pairs=500), params)
    problem, oracle = published_slip.whole(params, layout)
    # Nothing is kept for a test: all but the out-of-distribution prompts are the pool.
    assert problem.prepared.prompts_of("test").start == problem.prepared.prompts_of("test").stop
    outside = problem.prepared.prompts_of("ood")
    assert problem.prepared.prompts_of("pool").stop == len(problem.prepared.split) - (outside.stop - outside.start)
    found = published_slip.compare(problem, oracle, params, 0, 60)
    assert 0 <= found["share_counted"]["slip"] < found["share_counted"]["none"] <= 1
    for beta in ("beta_0.01", "beta_0.03"):
        overlaps = [value for name, value in found[beta].items() if name.startswith("overlap_")]
        assert len(overlaps) == 3
        assert all(0 < value <= 1 for value in overlaps)
        assert all(0 <= picks <= 160 for picks in found[beta]["picks_of_largest_prompt"].values())
