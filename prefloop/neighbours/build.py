"""Construction of the neighbour graph: from prompt vectors to lists, and to files."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from prefloop.config.data import Neighbours as Config
from prefloop.device import resolve_device
from prefloop.errors import StateError
from prefloop.io.arrays import write_array
from prefloop.io.atomic import atomic_folder
from prefloop.io.json import write_json
from prefloop.neighbours.exact import exact_lists
from prefloop.neighbours.graph import NeighbourGraph
from prefloop.neighbours.hnsw import hnsw_lists
from prefloop.neighbours.nodes import distinct_vectors
from prefloop.rng import Stream, generator

log = logging.getLogger("prefloop")


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
    recalls = [np.isin(e[1:], f[1:]).mean() for e, f in zip(exact, lists[rows], strict=True)]
    return float(np.mean(recalls))


def save_graph(folder: Path, graph: NeighbourGraph, facts: dict[str, object]) -> None:
    """Write the graph as memory-mappable arrays and a manifest, as one atomic folder."""
    with atomic_folder(folder) as temporary:
        write_array(temporary / "neighbours.npy", graph.neighbours)
        write_array(temporary / "distances.npy", graph.distances)
        write_array(temporary / "node_of_prompt.npy", graph.node_of_prompt)
        write_array(temporary / "first_prompt.npy", graph.first_prompt)
        write_json(temporary / "manifest.json", facts)
