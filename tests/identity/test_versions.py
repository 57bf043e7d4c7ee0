"""No part's numbers change without its version: its outputs on a tiny world equal those that are stored."""

from __future__ import annotations

import pytest

from prefloop.identity import declared
from tests.identity.guard import problem, read_stored
from tests.identity.probes import PROBES

STORED, VERSIONS = read_stored(), declared()


@pytest.mark.parametrize("part", VERSIONS)
def test_outputs_change_with_the_version_alone(part):
    told = problem(part, VERSIONS[part], PROBES[part], STORED)
    assert told is None, f"\n{told}"


def test_every_part_has_a_probe_and_every_stored_output_a_part():
    assert set(PROBES) == set(VERSIONS) == set(STORED)
