"""What a tie trains in a simulated run, and which parameters of section `labels` such a run is made from."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from prefloop.io.arrays import open_array, read_table
from prefloop.pool.identity import Identity
from tests.pool.runs import PARAMS, digest, run
from tests.worlds import make_params, make_world, pair_records


@pytest.mark.parametrize("kind", ["mlp_ensemble", "laplace"])
def test_half_a_preference_each_way_trains_and_costs_no_label_more(tmp_path, kind):
    layout, folders = make_world(tmp_path, pair_records(ties=0.4), PARAMS), {}
    for ties in ("none", "half"):
        params = make_params(reward__kind=kind, labels__ties=ties, benchmark__rounds=1)
        folder = run(params, layout, "random")
        folders[ties] = (read_table(folder / "acquired.parquet"), open_array(folder / "predictions.npy").copy())
    assert folders["none"][0].equals(folders["half"][0])
    assert "tie" in folders["none"][0]["verdict"].to_pylist()
    assert not np.array_equal(folders["none"][1], folders["half"][1])


def test_a_run_is_what_it_was_whatever_decides_nothing_of_it(layout):
    before = Identity(PARAMS, layout).decisive("random", 0)
    others = make_params(labels__aggregate="annotators", labels__both_bad="tie", labels__strength=True)
    assert Identity(others, layout).decisive("random", 0) == before
    assert "labels" not in before["parameters"]
    halves = Identity(make_params(labels__ties="half"), layout).decisive("random", 0)
    assert halves["parameters"].pop("labels") == {"ties": "half"}
    assert halves == before


def test_a_run_with_half_ties_resumes_to_the_same_bytes(layout, world, tmp_path):
    longer = make_params(labels__ties="half")
    run(make_params(labels__ties="half", benchmark__rounds=2), layout, "random")
    resumed = digest(run(longer, layout, "random"))
    shutil.copytree(world.data, tmp_path / "other")
    assert resumed == digest(run(longer, type(layout).folder(tmp_path / "other"), "random"))
