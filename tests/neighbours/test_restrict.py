"""Lists cut to a pool are those that would be built for it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.neighbours.build import build_graph
from prefloop.neighbours.restrict import restrict, widened
from tests.worlds import make_params

PARAMS = make_params()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(8, 60), st.integers(2, 12), st.booleans())
def test_a_cut_graph_equals_one_that_is_built_for_the_pool(seed, count, wide, repeated):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((count, 5)).astype(np.float32)
    if repeated:
        vectors[rng.integers(0, count, count // 3)] = vectors[0]
    pool = np.flatnonzero(rng.random(count) < 0.6)
    if not len(pool):
        pool = np.array([0])
    config = PARAMS.neighbours
    # Any length of the stored lists will do: short ones are measured again.
    graph, _ = build_graph(vectors, config.model_copy(update={"k": wide, "ef": max(config.ef, wide)}))
    expected, _ = build_graph(vectors[pool], config)
    found = restrict(graph, pool, vectors, config.k)
    np.testing.assert_array_equal(found.node_of_prompt, expected.node_of_prompt)
    np.testing.assert_array_equal(found.first_prompt, expected.first_prompt)
    np.testing.assert_array_equal(found.neighbours, expected.neighbours)
    np.testing.assert_array_equal(found.distances, expected.distances)


def test_stored_lists_are_long_enough_for_nearly_all_of_a_pool():
    config = widened(make_params(neighbours__k=13).neighbours, PARAMS.data.split)
    rng = np.random.default_rng(0)
    inside = rng.random((20_000, config.k - 1)) < 1 - PARAMS.data.split.test
    assert (inside.sum(axis=1) < 12).mean() < 0.02
    assert config.ef >= config.k


def test_without_test_prompts_nothing_is_widened():
    split = PARAMS.data.split.model_copy(update={"test": 0.0})
    assert widened(PARAMS.neighbours, split) == PARAMS.neighbours


@pytest.mark.parametrize("k", [1, 3, 50])
def test_lists_are_cut_to_what_there_is(k):
    vectors = np.random.default_rng(0).standard_normal((10, 3)).astype(np.float32)
    graph, _ = build_graph(vectors, PARAMS.neighbours)
    found = restrict(graph, np.arange(5), vectors, k)
    assert found.neighbours.shape == (5, min(k, 5))
    np.testing.assert_array_equal(found.neighbours[:, 0], np.arange(5))
