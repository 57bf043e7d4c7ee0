"""Balls against distances measured one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.neighbours import balls
from prefloop.neighbours.balls import Balls
from prefloop.neighbours.nodes import distances


def held(centres, radius, points):
    found = [np.stack(part, axis=1) for part in Balls(centres, radius).holding(points)]
    return {(int(ball), int(point)) for ball, point in np.concatenate([np.zeros((0, 2), int), *found])}


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(0, 30), st.booleans())
@settings(max_examples=80, deadline=None)
def test_a_point_at_exactly_the_radius_is_inside(seed, n, count, lattice):
    rng = np.random.default_rng(seed)
    draw = (lambda *s: rng.integers(0, 3, s)) if lattice else (lambda *s: rng.standard_normal(s) + 100)
    everything = draw(n + count, 3).astype(np.float32)
    centres, points = everything[:n], everything[n:]
    # Each radius is the distance to one of the points, or to the centre itself.
    other = rng.integers(0, n + count, n)
    radius = distances(everything, np.arange(n), other)
    expected = {
        (i, j)
        for i in range(n)
        for j in range(count)
        if distances(everything, np.array([i]), np.array([n + j]))[0] <= radius[i]
    }
    assert held(centres, radius, points) == expected


def test_points_come_in_blocks_and_once_each(monkeypatch):
    rng = np.random.default_rng(0)
    centres, points = (rng.standard_normal((20, 3)).astype(np.float32) for _ in range(2))
    radius = np.full(20, 2, dtype=np.float32)
    whole = held(centres, radius, points)
    monkeypatch.setattr(balls, "_BLOCK_CELLS", 40)
    parts = list(Balls(centres, radius).holding(points))
    assert len(parts) == 10
    assert sum(len(ball) for ball, _ in parts) == len(whole)
    assert held(centres, radius, points) == whole


@pytest.mark.parametrize("far", [1e4, 1e8])
def test_far_points_are_outside(far):
    centres = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert held(centres, np.ones(5, dtype=np.float32), centres.astype(np.float64) + far) == set()
