"""Worlds of listed pairs and of responses."""

from __future__ import annotations

import shutil

import pytest

from tests.pool.runs import ON_RESPONSES, PARAMS
from tests.worlds import make_world, pair_records, response_records


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("world"), pair_records(ties=0.1), PARAMS)


@pytest.fixture(scope="module")
def response_world(tmp_path_factory):
    return make_world(tmp_path_factory.mktemp("responses"), response_records(prompts=40, models=True), PARAMS)


@pytest.fixture
def world_of(world, response_world):
    return lambda name: response_world if name in ON_RESPONSES else world


@pytest.fixture
def layout(world, tmp_path):
    shutil.copytree(world.data, tmp_path / "w")
    return type(world).folder(tmp_path / "w")
