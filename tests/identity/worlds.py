"""Tiny fixed worlds of the probes, made from arrays: no part of the project has decided a number in them."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from prefloop.data.division import Division
from prefloop.data.pairs import Pairs
from prefloop.data.prepared import AUTO, OOD, Prepared
from prefloop.embed.features import Features
from prefloop.neighbours.graph import NeighbourGraph
from prefloop.pool.problem import Inputs, Problem
from tests.evaluation.downstream.tables import make_prepared
from tests.worlds import make_params

DIM, MEMBERS = 5, 4


@cache
def _scratch() -> tempfile.TemporaryDirectory[str]:
    # It goes when the process ends.
    return tempfile.TemporaryDirectory(prefix="prefloop-identity-")


def scratch(name: str) -> Path:
    """A folder of this process, by name, which is not there yet or was made before."""
    return Path(_scratch().name) / name


def emptied(name: str) -> Path:
    """The same, without what an earlier call has left there."""
    shutil.rmtree(scratch(name), ignore_errors=True)
    return scratch(name)


class FixedModel:
    """A reward model that learns nothing: multiples of 1/16, the same to the last bit on every machine."""

    trained = True
    temperature = 1.0

    def __init__(self) -> None:
        self.epochs = np.full(MEMBERS, 3)
        weights = np.random.default_rng(11).integers(-6, 7, (DIM, MEMBERS))
        weights[0] = 4  # all members agree about one feature
        self._weights = (weights / 4).astype(np.float32)

    def rewards(self, features: Any) -> np.ndarray:
        """float32 [M, C]."""
        return np.ascontiguousarray((np.asarray(features[:]) @ self._weights).T)

    def last_layer(self, features: Any) -> np.ndarray:
        """float32 [C, D]: the features themselves."""
        return np.asarray(features[:])

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, str]]:
        """Arrays, and no facts."""
        return {"weights": self._weights}, {}


class Untrained(FixedModel):
    """The same, as if it had seen no label."""

    trained = False


@dataclass(frozen=True)
class Table:
    """Everything of a small problem: what selection sees, and hidden answers.

    Attributes:
        problem: a pool of prompts, test and ood.
        votes: int32 [N, 3], hidden votes of the listed pairs.
        scores: float64 [C], hidden scores, NaN where unknown.
    """

    problem: Problem
    votes: np.ndarray
    scores: np.ndarray


@cache
def listed_table(target: str = "prompts") -> Table:
    """Prompts with listed pairs, several for some; two prompts have the same vector, some answers the same one."""
    sizes = [2, 3, 6, 4, 2, 5, 3, 2, 4, 3, 2, 6, 3, 4, 2, 3, 4, 3, 4, 2, 3, 4, 3, 4]
    split = ["pool"] * 17 + ["test"] * 5 + ["ood"] * 2
    return _table(sizes, split, True, target, seed=1)


@cache
def responses_table(target: str = "prompts") -> Table:
    """Prompts with scored completions of named models, 2 to 7 of them, and no listed pair."""
    sizes = [3, 5, 2, 7, 4, 6, 3, 5, 4, 2, 6, 5, 4, 3, 5, 4, 6, 3]
    split = ["pool"] * 12 + ["test"] * 4 + ["ood"] * 2
    return _table(sizes, split, False, target, seed=2)


def _table(sizes: list[int], split: list[str], listed: bool, target: str, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    pairs: list[tuple[int, int]] = []
    for start, size in zip(starts[:-1].tolist(), sizes, strict=True):
        every = [(start + i, start + j) for i in range(size) for j in range(i + 1, size)]
        pairs += sorted(every[n] for n in rng.permutation(len(every))[: 1 + size]) if listed else []
    count = int(starts[-1])
    models = [[f"model-{n}" for n in rng.permutation(4)[: 1 + c % 2]] for c in range(count)]
    prepared = make_prepared(sizes, split, None if listed else models, pairs)
    text = np.arange(count, dtype=np.int32)
    text[[9, 20]] = text[[1, 1]]  # one answer to three prompts
    prepared = replace(prepared, characters=rng.integers(1, 9, count).astype(np.int32), text=text)
    completions = (rng.integers(-4, 5, (count, DIM)) / 4).astype(np.float32)
    completions[[4, 13]] = completions[[3, 12]]
    prompts = (rng.integers(-8, 9, (len(sizes), 3)) / 4).astype(np.float32)
    prompts[5] = prompts[2]
    votes = rng.integers(0, 3, (len(pairs), 3)).astype(np.int32)
    votes[(prepared.pair_a < starts[split.index("test")]) & ~votes.any(axis=1), 2] = 1  # the pool's are known
    scores = np.full(count, np.nan) if listed else rng.integers(0, 6, count) / 2
    inputs = Inputs(prepared, Features(completions, prompts, {"dim": DIM}), lists_of(prompts[:17]), 4)
    return Table(_undivided(inputs, target), votes, scores)


def _undivided(inputs: Inputs, target: str) -> Problem:
    stored = inputs.stored
    rows = (np.arange(len(of)) for of in (stored.prompt_ids, stored.completion_ids, stored.pair_a))
    division = Division(stored, *rows, np.zeros(0, np.int64), 0)
    pool = stored.prompts_of("pool").stop
    graph = lists_of(inputs.features.prompts[:pool])
    problem = Problem(inputs, division, make_params().data.model_copy(update={"target": target}))
    # What other parts decide is fixed here.
    weight = (
        0.25 + np.arange(len(stored.prompt_ids)) % 4 / 2 if target == "file" else np.ones(len(stored.prompt_ids))
    )
    problem.__dict__.update(graph=graph, prompt_weight=weight)
    return problem


def lists_of(prompts: np.ndarray, k: int = 5) -> NeighbourGraph:
    """Neighbour lists of some prompt vectors, by sorting all distances."""
    _, first, node = np.unique(prompts, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.argsort(order)
    own = prompts[first[order]].astype(np.float64)
    distances = np.sqrt(((own[:, None] - own[None]) ** 2).sum(axis=2))
    lists = np.stack([np.lexsort((np.arange(len(own)), row)) for row in distances])[:, :k]
    lengths = np.take_along_axis(distances, lists, axis=1).astype(np.float32)
    return NeighbourGraph(lists.astype(np.int32), lengths, rank[node.ravel()].astype(np.int32), first[order])


@cache
def undivided_tables() -> Prepared:
    """Stored tables before any division: 40 prompts without a split, three of ood, one prompt with many pairs."""
    rng = np.random.default_rng(5)
    sizes = [2 + n % 4 for n in range(43)]
    sizes[7], sizes[10] = 40, 9
    starts = np.concatenate([[0], np.cumsum(sizes)])
    listed = [(int(start), int(start) + 1) for n, start in enumerate(starts[:-1]) if n % 3 and n != 7]
    # Small groups of completions that are compared with each other, and one large one.
    large = {(i, i + 1) for i in range(0, 20, 2)} | {(20, j) for j in range(21, 32)}
    large |= {tuple(sorted(rng.choice(np.arange(32, 40), 2, replace=False).tolist())) for _ in range(9)}
    listed += [(int(starts[7]) + i, int(starts[7]) + j) for i, j in large]
    listed += [(int(starts[10]) + i, int(starts[10]) + i + 2) for i in range(7)]  # many for its share, few in all
    prepared = make_prepared(sizes, listed=sorted(listed))
    return replace(prepared, split=np.array([AUTO] * 40 + [OOD] * 3, dtype=np.int8))


def some_pairs(problem: Problem, count: int, skip: int = 0) -> Pairs:
    """Pairs of the pool as if acquired before, of different prompts, the first response with the second."""
    pool = problem.pool
    prompts = np.flatnonzero(pool.sizes > 1)[skip : skip + count]
    first = pool.offsets[prompts]
    if len(pool.a):
        rows = np.searchsorted(pool.prompt, prompts)
        return Pairs(pool.a[rows], pool.b[rows], pool.prompt[rows])
    return Pairs(first, first + 1, prompts)
