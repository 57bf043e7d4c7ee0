"""Inputs of runs, loaded once, and one run's part of them: a division with its pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from prefloop.config import Params
from prefloop.config.data import Data, Target
from prefloop.data.division import Division, Usable, divide
from prefloop.data.pairs import Pool
from prefloop.data.prepared import Prepared, load_prepared
from prefloop.embed.features import Features, check_ids, load_features
from prefloop.errors import StateError
from prefloop.io.layout import Layout
from prefloop.io.rows import Rows
from prefloop.neighbours.graph import NeighbourGraph, load_graph
from prefloop.neighbours.restrict import poolable, restrict
from prefloop.target import density_weights

_ROUNDING = 1e-10


@dataclass(frozen=True)
class Inputs:
    """The stored tables, features and neighbour lists, which know no division.

    Attributes:
        stored: rows of prompts, completions and listed pairs.
        features: float32 completions [C, D], prompts [Q, D] and target prompts, memory-mapped, with manifest.
        graph: neighbour lists of the prompts that can be in a pool.
        k: length of a list within a pool.
    """

    stored: Prepared
    features: Features
    graph: NeighbourGraph
    k: int


@dataclass(frozen=True)
class Problem:
    """One run's division of the inputs; what selection may see.

    Attributes:
        inputs: everything, undivided.
        division: rows of prompts, completions and listed pairs, split by split.
        data: section `data`: the target, and how prompts are weighted for it.
    """

    inputs: Inputs
    division: Division
    data: Data

    @property
    def prepared(self) -> Prepared:
        """The division's tables."""
        return self.division.prepared

    @property
    def target(self) -> Target:
        """Which prompts the model is for."""
        return self.data.target

    @cached_property
    def pool(self) -> Pool:
        """The pool's structure."""
        return Pool.of(self.prepared)

    @cached_property
    def completions(self) -> Rows:
        """float32 [C, D]: vectors of the division's completions, those of the pool first."""
        return Rows(self.inputs.features.completions, self.division.completions)

    @cached_property
    def prompts(self) -> Rows:
        """float32 [Q, D]: vectors of the division's prompts."""
        return Rows(self.inputs.features.prompts, self.division.prompts)

    @cached_property
    def pool_completions(self) -> Rows:
        """float32 [C_pool, D]: vectors of the pool's completions, the first rows of all."""
        return self.completions.part(slice(self.prepared.completions_of("pool").stop))

    @cached_property
    def outside_completions(self) -> Rows:
        """float32 [E, D]: vectors of the completions outside the pool."""
        return self.completions.part(slice(self.prepared.completions_of("pool").stop, None))

    @cached_property
    def graph(self) -> NeighbourGraph:
        """Neighbour lists of the pool's prompts."""
        stored = self.inputs.stored
        within = np.cumsum(poolable(stored)) - 1
        rows = self.division.prompts[self.prepared.prompts_of("pool")]
        vectors = Rows(self.inputs.features.prompts, np.flatnonzero(poolable(stored)))
        return restrict(self.inputs.graph, within[rows], vectors, self.inputs.k)

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each feature over the pool's completions, float64 [D]."""
        features = self.pool_completions
        total = np.zeros(features.shape[1])
        square = np.zeros_like(total)
        for start in range(0, len(features), 16_384):
            block = features[start : start + 16_384].astype(np.float64)
            total, square = total + block.sum(axis=0), square + np.square(block).sum(axis=0)
        mean = total / len(features)
        square /= len(features)
        variance = square - mean**2
        # What is left of a constant feature is rounding, not spread.
        return mean, np.sqrt(np.where(variance > _ROUNDING * square, variance, 0.0))

    @cached_property
    def prompt_weight(self) -> np.ndarray:
        """Target weight of every prompt, float64 [Q]: 1, or for a target file with mean 1 in each split."""
        weights = np.ones(len(self.prepared.prompt_ids))
        if self.target != "file":
            return weights
        target = self.inputs.features.target
        if target is None:
            raise StateError("data.target is file, but its prompts are not embedded: run prepare and embed again")
        config = self.data.target_file
        for split in ("pool", "val", "test"):
            rows = self.prepared.prompts_of(split)
            if rows.stop - rows.start > 1:
                weights[rows] = density_weights(
                    self.prompts[rows], target, config.neighbours, config.clip, config.min_effective
                )
        return weights


def load_inputs(layout: Layout, params: Params) -> Inputs:
    """Open the outputs of prepare, embed and neighbours.

    Raises:
        StateError: an output is missing, damaged, or does not belong to the others.
    """
    stored = load_prepared(layout.prepared)
    features, graph = load_features(layout.features), load_graph(layout.neighbours)
    check_ids(features, stored)
    expected = (len(stored.completion_ids), len(stored.prompt_ids), int(poolable(stored).sum()))
    got = (len(features.completions), len(features.prompts), len(graph.node_of_prompt))
    if got != expected:
        raise StateError(
            f"{layout.features} and {layout.neighbours} hold {got} completions, prompts and pool prompts, "
            f"{layout.prepared} has {expected}: run dvc repro, so that embed and neighbours follow prepare"
        )
    return Inputs(stored, features, graph, params.neighbours.k)


def divided(inputs: Inputs, data: Data, seed: int | None, usable: Usable | None = None) -> Problem:
    """One simulated run's part of the inputs, or the campaign's.

    Args:
        inputs: everything.
        data: section `data`.
        seed: the run's seed, which has a division of its own unless the parameters say otherwise; None for
            the campaign, whose division has the salt alone.
        usable: what the pool may hold: of a simulated run, what can be answered; None is all.

    Raises:
        DataError: a division without a pool, or with an empty split.
    """
    return Problem(inputs, division_of(inputs.stored, data, seed, usable), data)


def division_of(stored: Prepared, data: Data, seed: int | None, usable: Usable | None = None) -> Division:
    """The division of the stored tables that `divided` takes; arguments as there."""
    return divide(stored, data.split, data.split.salt if seed is None else data.split.salt_of(seed), usable)
