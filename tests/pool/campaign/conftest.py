"""A world whose campaign has not begun."""

import shutil

import pytest

from tests.pool.campaign.walk import PARAMS
from tests.worlds import make_world, pair_records


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), pair_records(ties=0.1), PARAMS)


@pytest.fixture
def layout(world, tmp_path):
    shutil.copytree(world.data, tmp_path / "w")
    fresh = type(world).folder(tmp_path / "w")
    fresh.labels.parent.mkdir()
    fresh.labels.touch()
    return fresh
