"""Neighbour graph of the pool's prompts, as it is read in every round; `build` makes it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from prefloop.errors import StateError
from prefloop.io.arrays import open_array
from prefloop.io.json import read_json


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


def load_graph(folder: Path) -> NeighbourGraph:
    """Open what `build.save_graph` wrote.

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
