"""One contract for both backends, and the exact one against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.errors import StateError
from prefloop.neighbours.build import build_graph, save_graph
from prefloop.neighbours.exact import exact_lists
from prefloop.neighbours.graph import load_graph
from prefloop.neighbours.nodes import distances, distinct_vectors
from tests.worlds import make_params

CPU = torch.device("cpu")


def brute_force(vectors: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    count = len(vectors)
    lists, lengths = [], []
    for row in range(count):
        distance = distances(vectors, np.full(count, row), np.arange(count))
        order = sorted(range(count), key=lambda other: (other != row, distance[other], other))[:k]
        lists.append(order)
        lengths.append(distance[order])
    return np.array(lists), np.array(lengths)


@given(st.integers(0, 10_000), st.integers(2, 40), st.integers(1, 5), st.integers(1, 3), st.integers(2, 9))
@settings(max_examples=60, deadline=None)
def test_exact_equals_brute_force_with_ties_and_duplicates(seed, count, dim, levels, k):
    lattice = np.random.default_rng(seed).integers(0, levels + 1, (count, dim)).astype(np.float32)
    first, _ = distinct_vectors(lattice)
    vectors = lattice[first]
    k = min(k, len(vectors))
    lists, lengths = exact_lists(vectors, np.arange(len(vectors)), k, CPU)
    expected, expected_lengths = brute_force(vectors, k)
    np.testing.assert_array_equal(lists, expected)
    np.testing.assert_array_equal(lengths, expected_lengths)


def test_exact_decides_near_ties_far_from_the_origin():
    rng = np.random.default_rng(0)
    vectors = (1000 + rng.standard_normal((60, 16)) * 1e-2).astype(np.float32)
    lists, _ = exact_lists(vectors, np.arange(60), 7, CPU)
    np.testing.assert_array_equal(lists, brute_force(vectors, 7)[0])


@given(st.integers(0, 1000), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_distinct_vectors_are_numbered_by_first_appearance(seed, count):
    vectors = np.random.default_rng(seed).integers(0, 2, (count, 3)).astype(np.float32)
    first, node = distinct_vectors(vectors)
    assert (np.diff(first) > 0).all()
    np.testing.assert_array_equal(vectors[first][node], vectors)
    assert (first[node] <= np.arange(count)).all()


@pytest.mark.parametrize("backend", ["exact", "hnsw"])
class TestContract:
    def graph(self, backend, count=400, dim=6, k=5, **changes):
        centres = np.random.default_rng(1).standard_normal((8, dim)) * 4
        noise = np.random.default_rng(2).standard_normal((count, dim))
        vectors = (centres[np.arange(count) % 8] + noise).astype(np.float32)
        vectors[count // 2 :: 7] = vectors[0]
        config = make_params(neighbours__backend=backend, neighbours__k=k, **changes).neighbours
        return vectors, *build_graph(vectors, config)

    def test_lists_start_with_the_node_itself_and_are_ordered(self, backend):
        _, graph, facts = self.graph(backend)
        assert graph.neighbours.shape == (facts["nodes"], 5)
        np.testing.assert_array_equal(graph.neighbours[:, 0], np.arange(len(graph)))
        assert (graph.distances[:, 0] == 0).all()
        assert (np.diff(graph.distances, axis=1) >= 0).all()
        assert all(len(set(row)) == 5 for row in graph.neighbours.tolist())

    def test_distances_are_euclidean(self, backend):
        vectors, graph, _ = self.graph(backend)
        nodes = vectors[graph.first_prompt]
        expected = np.linalg.norm(nodes[:, None] - nodes[graph.neighbours], axis=2)
        np.testing.assert_allclose(graph.distances, expected, rtol=1e-5)

    def test_nearly_all_true_neighbours_are_found(self, backend):
        vectors, graph, facts = self.graph(backend)
        exact, _ = brute_force(vectors[graph.first_prompt], 5)
        found = np.mean([np.isin(e, g).mean() for e, g in zip(exact, graph.neighbours, strict=True)])
        assert found > 0.97
        assert facts["recall"] > 0.95

    def test_repeats_to_the_byte(self, backend, tmp_path):
        for name in ("one", "two"):
            _, graph, facts = self.graph(backend)
            save_graph(tmp_path / name, graph, facts)
        files = sorted(path.name for path in (tmp_path / "one").iterdir())
        assert files == sorted(path.name for path in (tmp_path / "two").iterdir())
        for name in files:
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()

    def test_fewer_nodes_than_k_cut_the_lists(self, backend, caplog):
        _, graph, facts = self.graph(backend, count=3)
        assert graph.neighbours.shape == (2, 2)
        assert facts["k"] == 2
        assert "only 2 distinct prompt vectors: neighbour lists are cut from 5 to 2" in caplog.text

    def test_one_node(self, backend):
        config = make_params(neighbours__backend=backend).neighbours
        graph, _ = build_graph(np.ones((4, 3), dtype=np.float32), config)
        assert graph.neighbours.tolist() == [[0]]
        assert graph.node_of_prompt.tolist() == [0, 0, 0, 0]

    def test_transposed_adjacency(self, backend):
        _, graph, _ = self.graph(backend)
        starts, rows = graph.listed_by
        for node in range(0, len(graph), 17):
            listers = rows[starts[node] : starts[node + 1]]
            np.testing.assert_array_equal(np.sort(listers), np.flatnonzero((graph.neighbours == node).any(axis=1)))

    def test_round_trip_through_files(self, backend, tmp_path):
        _, graph, facts = self.graph(backend)
        save_graph(tmp_path / "g", graph, facts)
        loaded = load_graph(tmp_path / "g")
        np.testing.assert_array_equal(loaded.neighbours, graph.neighbours)
        np.testing.assert_array_equal(loaded.distances, graph.distances)


def test_recall_below_the_threshold_is_an_error():
    vectors = np.random.default_rng(0).standard_normal((3000, 48)).astype(np.float32)
    config = make_params(
        neighbours__backend="hnsw",
        neighbours__m=4,
        neighbours__ef_construction=10,
        neighbours__ef=4,
        neighbours__min_recall=0.999,
    ).neighbours
    with pytest.raises(StateError, match=r"recall .* is 0\.\d+, below neighbours.min_recall"):
        build_graph(vectors, config)


def test_truncated_file_is_named(tmp_path):
    config = make_params().neighbours
    graph, facts = build_graph(np.random.default_rng(0).standard_normal((30, 4)).astype(np.float32), config)
    save_graph(tmp_path / "g", graph, facts)
    path = tmp_path / "g" / "neighbours.npy"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StateError, match=r"neighbours\.npy is damaged"):
        load_graph(tmp_path / "g")
