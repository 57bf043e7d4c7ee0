"""Everything a run reads, loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from prefloop.acquisition.pairs import Pool
from prefloop.config import Params
from prefloop.data.prepared import Prepared, load_prepared
from prefloop.embed.features import Features, check_ids, load_features
from prefloop.errors import StateError
from prefloop.io.hashing import file_digest, text_id
from prefloop.io.layout import Layout
from prefloop.neighbours.graph import NeighbourGraph, load_graph

_ROUNDING = 1e-10


@dataclass(frozen=True)
class Problem:
    """Prepared tables, features and neighbour graph; what selection may see.

    Attributes:
        prepared: rows of prompts, completions and listed pairs.
        features: float32 completions [C, D] and prompts [Q, D], memory-mapped, with manifest.
        graph: neighbour lists of the pool's prompts.
    """

    prepared: Prepared
    features: Features
    graph: NeighbourGraph

    @cached_property
    def pool(self) -> Pool:
        """The pool's structure."""
        return Pool.of(self.prepared)

    @property
    def pool_features(self) -> np.ndarray:
        """float32 [C_pool, D]: vectors of the pool's completions, the first rows of all."""
        return self.features.completions[: self.prepared.completions_of("pool").stop]

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each feature over the pool's completions, float64 [D]."""
        total = np.zeros(self.pool_features.shape[1])
        square = np.zeros_like(total)
        for start in range(0, len(self.pool_features), 16_384):
            block = self.pool_features[start : start + 16_384].astype(np.float64)
            total, square = total + block.sum(axis=0), square + np.square(block).sum(axis=0)
        mean = total / len(self.pool_features)
        square /= len(self.pool_features)
        variance = square - mean**2
        # What is left of a constant feature is rounding, not spread.
        return mean, np.sqrt(np.where(variance > _ROUNDING * square, variance, 0.0))


def load_problem(layout: Layout) -> Problem:
    """Open the outputs of prepare, embed and neighbours.

    Raises:
        StateError: an output is missing, damaged, or does not belong to the others.
    """
    prepared = load_prepared(layout.prepared)
    features, graph = load_features(layout.features), load_graph(layout.neighbours)
    check_ids(features, prepared)
    expected = (len(prepared.completion_ids), len(prepared.prompt_ids), prepared.prompts_of("pool").stop)
    got = (len(features.completions), len(features.prompts), len(graph.node_of_prompt))
    if got != expected:
        raise StateError(
            f"{layout.features} and {layout.neighbours} hold {got} completions, prompts and pool prompts, "
            f"{layout.prepared} has {expected}: run dvc repro, so that embed and neighbours follow prepare"
        )
    return Problem(prepared, features, graph)


def inputs_digest(layout: Layout) -> str:
    """Hash of all that a run reads, hidden answers included, for the fingerprint of resume state.

    The features' manifest holds the hashes of its arrays, so they are not read again.
    """
    files: list[Path] = [
        *sorted(layout.prepared.glob("*.parquet")),
        layout.features / "manifest.json",
        *sorted(layout.neighbours.iterdir()),
    ]
    return text_id(*(part for file in files for part in (file.name, file_digest(file))))


def dataset_name(params: Params) -> str:
    """A short name of the configured data, for reports and tracking."""
    data = params.data
    if data.source == "hub":
        return data.hub.preset
    if data.source == "example":
        return "example" if data.example.form == "pairs" else "example-responses"
    names = dict.fromkeys(entry.path.name.split(".")[0] for entry in data.files)
    return "+".join(names) or data.raw.name
