"""Cost of one BAL-PM selection on the neighbour graph, against recomputing distances every round.

python -m benchmarks.entropy_selection [--pairs 92000] [--threads 1]
"""

from __future__ import annotations

import argparse
import json
import resource
import time

import numpy as np
import torch

from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.acquisition.testing import GivenRewards
from prefloop.acquisition.view import PoolView
from prefloop.config import load_params, packaged_params
from prefloop.data.pairs import Pairs
from prefloop.neighbours.build import build_graph

DIM, MEMBERS, BATCH, ROUNDS, SAMPLE, STEPS = 384, 5, 320, 75, 256, 5


def clustered(count: int, dim: int, rng: np.random.Generator) -> np.ndarray:
    centres = rng.standard_normal((max(8, int(np.sqrt(count))), dim)).astype(np.float32)
    vectors = np.empty((count, dim), dtype=np.float32)
    for start in range(0, count, 50_000):
        block = vectors[start : start + 50_000]
        block[:] = centres[rng.integers(0, len(centres), len(block))]
        block += 0.5 * rng.standard_normal(block.shape, dtype=np.float32)
        block /= np.linalg.norm(block, axis=1, keepdims=True)
    return vectors


def make_view(vectors: np.ndarray, graph, rng: np.random.Generator, acquired: int) -> PoolView:
    count = len(vectors)
    rewards = rng.standard_normal((MEMBERS, 2 * count)).astype(np.float32)
    rows = rng.permutation(count)
    left, done = np.sort(rows[acquired:]), rows[:acquired]
    return PoolView(
        prompt=left,
        form=lambda: Pairs(2 * left, 2 * left + 1, left),
        acquired_a=2 * done,
        acquired_b=2 * done + 1,
        acquired_prompt=done,
        predicted=GivenRewards(rewards),
        features=vectors,
        prompt_features=vectors,
        neighbours=lambda: graph,
        prompt_weight=np.ones(count),
        target="prompts",
        round=1,
        seed=0,
    )


def timed(action) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def naive_round(vectors: np.ndarray, k: int, blocked: bool) -> dict[str, float]:
    """One round of the paper's code: the k-th distance of every pool point, then greedy steps that
    measure the distance of the pick to the whole pool. On a sample of points and steps, scaled up."""
    count, rows = len(vectors), np.arange(SAMPLE)
    x = torch.from_numpy(vectors)

    def kth_by_differences() -> None:
        for row in rows[:16]:
            torch.linalg.norm(x - x[row], dim=1).topk(k, largest=False)

    def kth_by_products() -> None:
        norms = x.square().sum(1)
        (norms[rows, None] + norms - 2 * x[rows] @ x.T).topk(k, dim=1, largest=False)

    def step() -> None:
        torch.linalg.norm(x - x[0], dim=1)

    def step_by_products() -> None:
        (x @ x[0]).mul_(-2)

    one = timed(kth_by_products) / SAMPLE if blocked else timed(kth_by_differences) / 16
    greedy = timed(lambda: [(step_by_products if blocked else step)() for _ in range(STEPS)]) / STEPS
    return {"kth_distance_s": one * count, "greedy_s": greedy * BATCH, "round_s": one * count + greedy * BATCH}


def measure(pairs: int, threads: int, repeats: int) -> dict[str, object]:
    rng = np.random.default_rng(0)
    params = load_params(packaged_params())
    config = params.neighbours.model_copy(update={"threads": threads, "min_recall": 0.0})
    vectors = clustered(pairs, DIM, rng)
    start = time.perf_counter()
    graph, facts = build_graph(vectors, config)
    index_s = time.perf_counter() - start
    _ = graph.listed_by
    batch = params.policies["bal_pm"].batch
    acquired = min(pairs // 4, 320 * 37)
    times = []
    for repeat in range(repeats):
        view = make_view(vectors, graph, np.random.default_rng(repeat), acquired)
        view.rewards  # noqa: B018 (given: not part of the selection)
        rng = np.random.default_rng(repeat)
        times.append(timed(lambda view=view, rng=rng: BATCH_POLICIES["bal_pm"].choose(view, BATCH, rng, batch)))
    ours = float(np.median(times))
    naive = {"differences": naive_round(vectors, config.k, False), "blocked": naive_round(vectors, config.k, True)}
    amortised = ours + index_s / ROUNDS
    return {
        "pairs": pairs,
        "dim": DIM,
        "batch": BATCH,
        "acquired_before": acquired,
        "index_s": index_s,
        "index_threads": threads,
        "recall": facts["recall"],
        "selection_s": {"median": ours, "min": min(times), "max": max(times)},
        "selection_with_index_over_75_rounds_s": amortised,
        "naive_round": naive,
        "speedup_per_round": {name: value["round_s"] / ours for name, value in naive.items()},
        "speedup_with_index": {name: value["round_s"] / amortised for name, value in naive.items()},
        "peak_rss_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, nargs="+", default=[10_000])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    print(json.dumps([measure(n, arguments.threads, arguments.repeats) for n in arguments.pairs], indent=1))


if __name__ == "__main__":
    main()
