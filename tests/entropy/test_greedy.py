"""The graph form of entropy selection against a literal, slow reference."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import digamma

from prefloop.entropy.greedy import GraphEntropy, greedy_batch
from prefloop.entropy.kozachenko import AcquiredEntropy
from prefloop.entropy.ksg import acquired_counts, prompt_entropy
from prefloop.neighbours.build import build_graph
from prefloop.neighbours.nodes import distances
from tests.worlds import make_params

OFFSET, DIMENSION = 1e-4, 1.0


def reference_selection(vectors, pair_prompt, uncertainty, acquired_prompt, beta, n, k):
    """Lists recomputed from the vectors for every pick; one pair at a time; nothing shared but the kernel."""
    nodes, node_of = [], []
    for vector in vectors:
        match = [i for i, other in enumerate(nodes) if (other == vector).all()]
        node_of.append(match[0] if match else len(nodes))
        if not match:
            nodes.append(vector)
    nodes = np.array(nodes)
    k = min(k, len(nodes))
    acquired = [node_of[prompt] for prompt in acquired_prompt]
    left, picks = set(range(len(pair_prompt))), []
    for _ in range(n):
        entropy = []
        for x in range(len(nodes)):
            distance = distances(nodes, np.full(len(nodes), x), np.arange(len(nodes)))
            order = sorted(range(len(nodes)), key=lambda y: (y != x, distance[y], y))[:k]
            count = sum(acquired.count(y) for y in order)
            radius = float(distance[order[-1]])
            value = math.log(2 * radius + OFFSET) - float(digamma(count + 1)) / DIMENSION
            entropy.append(value if len(nodes) > 1 else 0.0)

        def rank(row, entropy=entropy):
            node = node_of[pair_prompt[row]]
            return (-(uncertainty[row] + beta * entropy[node]), node, -uncertainty[row], row)

        best = min(left, key=rank)
        picks.append(best)
        left.remove(best)
        acquired.append(node_of[pair_prompt[best]])
    return picks


@st.composite
def pools(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    prompts, pairs = draw(st.integers(1, 14)), draw(st.integers(1, 30))
    levels = draw(st.integers(1, 3))
    vectors = rng.integers(0, levels + 1, (prompts, draw(st.integers(1, 3)))).astype(np.float32)
    uncertainty = rng.integers(0, 4, pairs) / 16 if draw(st.booleans()) else rng.random(pairs) / 10
    acquired = rng.integers(0, prompts, draw(st.integers(0, 12)))
    beta = draw(st.sampled_from([0.0, 0.01, 0.03, 0.5]))
    return vectors, rng.integers(0, prompts, pairs), uncertainty, acquired, beta, draw(st.integers(1, pairs))


@given(pools(), st.integers(2, 6))
@settings(max_examples=150, deadline=None)
def test_graph_selection_equals_the_reference(pool, k):
    vectors, pair_prompt, uncertainty, acquired, beta, n = pool
    graph, _ = build_graph(vectors, make_params(neighbours__k=k).neighbours)
    entropy = GraphEntropy(graph, graph.node_of_prompt[acquired], n, OFFSET, DIMENSION)
    batch = greedy_batch(uncertainty, graph.node_of_prompt[pair_prompt], entropy, beta, n)
    expected = reference_selection(vectors, pair_prompt, uncertainty, acquired, beta, n, k)
    assert batch.picks.tolist() == expected
    np.testing.assert_allclose(batch.scores, batch.uncertainty + beta * batch.entropy)


@given(pools())
@settings(max_examples=60, deadline=None)
def test_updates_equal_recomputing(pool):
    vectors, pair_prompt, _, acquired, _, _ = pool
    graph, _ = build_graph(vectors, make_params().neighbours)
    nodes = graph.node_of_prompt[acquired]
    entropy = GraphEntropy(graph, nodes, len(pair_prompt), OFFSET, DIMENSION)
    for prompt in pair_prompt:
        entropy.acquire(int(graph.node_of_prompt[prompt]))
    everything = np.concatenate([nodes, graph.node_of_prompt[pair_prompt]])
    counts = acquired_counts(graph, everything)
    np.testing.assert_allclose(entropy.values, prompt_entropy(graph, counts, OFFSET, DIMENSION))
    assert counts.sum() == sum((graph.neighbours == node).sum() for node in everything)


def test_acquiring_lowers_the_entropy_of_those_that_list_the_node_and_of_no_other():
    vectors = np.random.default_rng(0).standard_normal((40, 3)).astype(np.float32)
    graph, _ = build_graph(vectors, make_params().neighbours)
    entropy = GraphEntropy(graph, np.zeros(0, dtype=np.int64), 1, OFFSET, DIMENSION)
    before = entropy.values.copy()
    entropy.acquire(7)
    listers = (graph.neighbours == 7).any(axis=1)
    assert (entropy.values[listers] < before[listers]).all()
    np.testing.assert_array_equal(entropy.values[~listers], before[~listers])


def test_isolated_prompts_have_more_entropy_than_crowded_ones():
    crowd = np.random.default_rng(0).standard_normal((30, 2)) * 0.01
    vectors = np.concatenate([crowd, [[50.0, 50.0]]]).astype(np.float32)
    graph, _ = build_graph(vectors, make_params().neighbours)
    values = prompt_entropy(graph, np.zeros(31, dtype=np.int64), OFFSET, DIMENSION)
    assert values.argmax() == 30


def test_one_node_has_no_entropy():
    graph, _ = build_graph(np.ones((5, 3), dtype=np.float32), make_params().neighbours)
    entropy = GraphEntropy(graph, np.zeros(3, dtype=np.int64), 3, OFFSET, DIMENSION)
    assert entropy.values.tolist() == [0.0]
    batch = greedy_batch(np.array([0.1, 0.3, 0.2]), np.zeros(3, dtype=int), entropy, 0.03, 3)
    assert batch.picks.tolist() == [1, 2, 0]


@given(st.integers(0, 500), st.integers(1, 6), st.integers(0, 15))
@settings(max_examples=40, deadline=None)
def test_kozachenko_leonenko_equals_its_formula(seed, k, acquired_count):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((12, 3)).astype(np.float32)
    acquired = rng.integers(0, 12, acquired_count)
    entropy = AcquiredEntropy(vectors, acquired, k, OFFSET, DIMENSION)
    extra = int(rng.integers(0, 12))
    entropy.acquire(extra)
    points = vectors[[*acquired, extra]].astype(np.float64)
    used = min(k, len(points))
    for node in range(12):
        distance = np.sort(np.linalg.norm(points - vectors[node], axis=1))[used - 1]
        expected = math.log(2 * distance + OFFSET) - float(digamma(used)) / DIMENSION
        assert entropy.values[node] == pytest.approx(expected, abs=1e-6)


def test_kozachenko_leonenko_without_acquired_points_is_flat():
    entropy = AcquiredEntropy(np.eye(3, dtype=np.float32), np.zeros(0, dtype=np.int64), 4, OFFSET, DIMENSION)
    assert entropy.values.tolist() == [0.0, 0.0, 0.0]


def test_kozachenko_leonenko_keeps_the_distance_of_near_duplicates():
    vectors = np.zeros((2, 384), dtype=np.float32)
    vectors[:, 0], vectors[1, 1] = 1.0, 1e-4
    entropy = AcquiredEntropy(vectors, np.array([0]), 1, OFFSET, DIMENSION)
    assert entropy.values[1] == pytest.approx(math.log(2e-4 + OFFSET) - float(digamma(1)), abs=1e-3)
