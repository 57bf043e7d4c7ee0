"""One world, and what an undisturbed comparison on it leaves."""

from __future__ import annotations

import shutil

import pytest

from prefloop.io.layout import Layout
from prefloop.scale.comparison import make_runs
from tests.scale.worlds import contents, params_of
from tests.worlds import make_world, pair_records


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), pair_records(ties=0.1), params_of(1))


def copy_of(world, root):
    shutil.copytree(world.data, root)
    return Layout.folder(root)


@pytest.fixture
def layout(world, tmp_path):
    return copy_of(world, tmp_path / "w")


@pytest.fixture(scope="session")
def undisturbed(world, tmp_path_factory):
    """Files of the runs that one process makes one after another."""
    layout = copy_of(world, tmp_path_factory.mktemp("alone") / "w")
    make_runs(params_of(1), layout, None)
    return contents(layout)
