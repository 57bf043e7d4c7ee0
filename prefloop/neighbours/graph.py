"""The neighbour graph of the pool's prompts: built once, read in every round."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from prefloop.config.data import Neighbours as Config
from prefloop.device import resolve_device
from prefloop.errors import StateError
from prefloop.io.arrays import open_array, write_array
from prefloop.io.atomic import atomic_folder
from prefloop.io.documents import read_json, write_json
from prefloop.neighbours.exact import exact_lists
from prefloop.neighbours.hnsw import hnsw_lists
from prefloop.neighbours.nodes import distinct_vectors
from prefloop.rng import Stream, generator

log = logging.getLogger("prefloop")


@dataclass(frozen=True)
class NeighbourGraph:
    """Lists L(x) of every node x: x itself, then its nearest others by (distance, row).

    Attributes:
        neighbours: int32 [n, k].
        distances: float32 [n, k], Euclidean.
        node_of_prompt: int32 [Q_pool], node of each pool prompt.
        first_prompt: int64 [n], the first pool prompt with the node's vector.
    """

    neighbours: np.ndarray
    distances: np.ndarray
    node_of_prompt: np.ndarray
    first_prompt: np.ndarray

    def __len__(self) -> int:
        return len(self.neighbours)

    @property
    def radius(self) -> np.ndarray:
        """epsilon(x): distance to the last of L(x), float32 [n]; constant over the rounds."""
        return self.distances[:, -1]

    @cached_property
    def listed_by(self) -> tuple[np.ndarray, np.ndarray]:
        """Transposed adjacency: nodes that list z are rows[starts[z] : starts[z + 1]]."""
        count, k = self.neighbours.shape
        flat = np.asarray(self.neighbours).ravel()
        lists = csr_array((np.ones(flat.size, np.int8), flat, np.arange(0, flat.size + 1, k)), (count, count))
        transposed = lists.tocsc()
        return transposed.indptr.astype(np.int64), transposed.indices


def build_graph(prompt_vectors: np.ndarray, config: Config) -> tuple[NeighbourGraph, dict[str, object]]:
    """Build the graph of the pool's prompt vectors.

    Args:
        prompt_vectors: float32 [Q_pool, D].
        config: section `neighbours`.

    Returns:
        The graph and its facts: backend, k, nodes, measured recall (1.0 for exact).

    Raises:
        StateError: measured recall below `config.min_recall`.
    """
    first, node = distinct_vectors(prompt_vectors)
    vectors = prompt_vectors if len(first) == len(prompt_vectors) else np.asarray(prompt_vectors)[first]
    k = min(config.k, len(first))
    if k < config.k:
        log.warning(
            "only %d distinct prompt vectors: neighbour lists are cut from %d to %d", len(first), config.k, k
        )
    if config.backend == "hnsw":
        lists, lengths = hnsw_lists(vectors, k, config)
        recall = measured_recall(vectors, lists, config)
    else:
        lists, lengths = exact_lists(vectors, np.arange(len(first)), k, resolve_device(config.device))
        recall = 1.0
    if recall < config.min_recall:
        raise StateError(
            f"recall of the neighbour lists is {recall:.3f}, below neighbours.min_recall = {config.min_recall}: "
            "raise neighbours.ef, ef_construction or m, or set neighbours.backend to exact"
        )
    facts: dict[str, object] = {
        "backend": config.backend,
        "k": k,
        "nodes": len(first),
        "prompts": len(node),
        "recall": recall,
    }
    return NeighbourGraph(lists, lengths, node, first), facts


def measured_recall(vectors: np.ndarray, lists: np.ndarray, config: Config) -> float:
    """Share of the exact neighbours (the points themselves left out) that `lists` holds, on a sample."""
    if lists.shape[1] < 2:
        return 1.0
    count = min(config.recall_sample, len(vectors))
    rows = np.sort(generator(config.seed, 0, Stream.RECALL).choice(len(vectors), count, replace=False))
    exact, _ = exact_lists(vectors, rows, lists.shape[1], resolve_device(config.device))
    found = [np.isin(e[1:], f[1:]).mean() for e, f in zip(exact, lists[rows], strict=True)]
    return float(np.mean(found))


def save_graph(folder: Path, graph: NeighbourGraph, facts: dict[str, object]) -> None:
    """Write the graph as memory-mappable arrays and a manifest, as one atomic folder."""
    with atomic_folder(folder) as temporary:
        write_array(temporary / "neighbours.npy", graph.neighbours)
        write_array(temporary / "distances.npy", graph.distances)
        write_array(temporary / "node_of_prompt.npy", graph.node_of_prompt)
        write_array(temporary / "first_prompt.npy", graph.first_prompt)
        write_json(temporary / "manifest.json", facts)


def load_graph(folder: Path) -> NeighbourGraph:
    """Open what `save_graph` wrote.

    Raises:
        StateError: missing, damaged or inconsistent files.
    """
    facts = read_json(folder / "manifest.json")
    graph = NeighbourGraph(
        open_array(folder / "neighbours.npy"),
        open_array(folder / "distances.npy"),
        open_array(folder / "node_of_prompt.npy"),
        open_array(folder / "first_prompt.npy"),
    )
    shape = (facts["nodes"], facts["k"])
    if graph.neighbours.shape != shape or graph.distances.shape != shape:
        raise StateError(
            f"{folder} holds lists {graph.neighbours.shape}, its manifest says {shape}: run neighbours again"
        )
    return graph
