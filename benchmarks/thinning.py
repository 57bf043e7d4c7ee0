"""Cost of one selection by thinned and random_prompts, against random's permutation and a plain loop.

python -m benchmarks.thinning [--pairs 92000 1000000] [--repeats 7]

Every pool has Zipf-like prompts, one of which has 20 % of the pairs; `late` is after a fifth of it was bought
by the same law. `loop` is the definition of thinned written out: propose a pair, accept or refuse it, until the
batch is full. It makes no permutation, which thinned needs to equal random draw for draw.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from prefloop.acquisition.balanced import Thinned
from prefloop.acquisition.registry import BATCH_POLICIES
from prefloop.acquisition.testing import GivenRewards
from prefloop.acquisition.view import PoolView
from prefloop.config import load_params, packaged_params
from prefloop.data.pairs import Pairs
from prefloop.neighbours.build import build_graph

BATCH = 320


def make_prompts(pairs: int, prompts: int, rng: np.random.Generator) -> np.ndarray:
    """Ascending prompt rows int64 [N]: the first has a fifth of the pairs, the others follow 1 / rank."""
    share = 1 / np.arange(1, prompts)
    rest = rng.choice(np.arange(1, prompts), size=pairs - pairs // 5, p=share / share.sum())
    return np.sort(np.concatenate([np.zeros(pairs // 5, dtype=np.int64), rest]))


def make_view(prompt: np.ndarray, prompts: int) -> PoolView:
    """A pool of which nothing is labelled; policies without a model look at prompts alone."""
    none = np.zeros(0, dtype=np.int64)
    vectors = np.random.default_rng(0).standard_normal((20, 4)).astype(np.float32)
    neighbours = load_params(packaged_params()).neighbours.model_copy(update={"backend": "exact"})
    rows = np.arange(len(prompt))
    return PoolView(
        prompt=prompt,
        form=lambda: Pairs(2 * rows, 2 * rows + 1, prompt),
        acquired_a=none,
        acquired_b=none,
        acquired_prompt=none,
        predicted=GivenRewards(np.zeros((2, 2 * len(prompt)), dtype=np.float32)),
        features=vectors,
        prompt_features=vectors,
        neighbours=lambda: build_graph(vectors, neighbours)[0],
        prompt_weight=np.ones(prompts),
        target="prompts",
        round=1,
        seed=0,
    )


def after(view: PoolView, bought: np.ndarray) -> PoolView:
    """The view when some of its candidates were acquired."""
    left = np.delete(np.arange(len(view)), bought)
    return replace(view, prompt=view.prompt[left], acquired_prompt=view.prompt[bought])


def loop(view: PoolView, n: int, rng: np.random.Generator, gamma: float) -> np.ndarray:
    """The definition of thinned, proposal by proposal; c_min is brought up to date where it may have changed."""
    labels = np.bincount(view.acquired_prompt, minlength=len(view.prompt_weight))
    left = np.bincount(view.prompt, minlength=len(labels))
    taken: dict[int, None] = {}
    fewest = labels[left > 0].min()
    while len(taken) < n:
        row = int(rng.integers(len(view)))
        prompt = view.prompt[row]
        if row in taken:
            continue
        ratio = (1 + fewest) / (1 + labels[prompt])
        if rng.random() < (float(ratio == 1) if np.isinf(gamma) else ratio**gamma):
            taken[row] = None
            labels[prompt] += 1
            left[prompt] -= 1
            if labels[prompt] == fewest + 1 or not left[prompt]:
                fewest = labels[left > 0].min() if left.any() else fewest
    return np.array(list(taken))


def timed(action: Callable[[np.random.Generator], object], repeats: int) -> dict[str, float]:
    times = []
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        start = time.perf_counter()
        action(rng)
        times.append(1000 * (time.perf_counter() - start))
    return {"median_ms": float(np.median(times)), "min_ms": min(times), "max_ms": max(times)}


def measure(pairs: int, repeats: int) -> dict[str, object]:
    found: dict[str, object] = {}
    for prompts in (10, max(20, pairs // 50), pairs // 4):
        fresh = make_view(make_prompts(pairs, prompts, np.random.default_rng(0)), prompts)
        rows = {name: of_policy(name, fresh, repeats) for name in ("random", "random_prompts")}
        for gamma in (0.5, 1.0, "infinity"):
            rows |= of_gamma(fresh, gamma, repeats)
        found[f"{prompts} prompts"] = rows
    return {"pairs": pairs, "batch": BATCH, "pools": found}


def of_policy(name: str, view: PoolView, repeats: int) -> dict[str, float]:
    config = load_params(packaged_params()).policies[name].batch
    return timed(lambda rng: BATCH_POLICIES[name].choose(view, BATCH, rng, config), repeats)


def of_gamma(fresh: PoolView, gamma: float | str, repeats: int) -> dict[str, dict[str, float]]:
    """Times of thinned and of the loop on a fresh pool and when a fifth of it was bought by the same law."""
    config, number = Thinned(gamma=gamma), float(gamma)
    thinned = BATCH_POLICIES["thinned"].choose
    bought = thinned(fresh, len(fresh) // 5, np.random.default_rng(1), config).picks
    rows = {}
    for stage, view in (("fresh", fresh), ("late", after(fresh, bought))):
        name = f"gamma {gamma}, {stage}"
        rows[f"thinned, {name}"] = timed(lambda rng, v=view: thinned(v, BATCH, rng, config), repeats)
        rows[f"loop, {name}"] = timed(lambda rng, v=view: loop(v, BATCH, rng, number), 1)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, nargs="+", default=[92_000])
    parser.add_argument("--repeats", type=int, default=7)
    arguments = parser.parse_args()
    print(json.dumps([measure(n, arguments.repeats) for n in arguments.pairs], indent=1))


if __name__ == "__main__":
    main()
