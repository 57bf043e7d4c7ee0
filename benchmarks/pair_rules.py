"""Choosing a pair for every prompt by each pair rule, against the formula written out prompt by prompt.

One JSON object: seconds and memory beyond the rewards for each rule and number of prompts, and the growth
of the time with the prompts (1.0 = linear). The plain rule runs on a sample of prompts and is scaled up.
"""

from __future__ import annotations

import argparse
import json
import threading
import time

import numpy as np
import psutil

from prefloop.acquisition.candidates import find_candidates
from prefloop.acquisition.registry import PAIR_RULES
from prefloop.acquisition.responses import Draws, PairParameters
from prefloop.acquisition.testing import GivenRewards
from prefloop.config import load_params, packaged_params
from prefloop.data.pairs import Pairs, Pool
from prefloop.data.prepared import Models

MEMBERS = 20
SAMPLE = 20


class Peak:
    """Largest resident memory while a block runs, beyond what was there, sampled every 2 ms."""

    def __enter__(self) -> Peak:
        self._process, self._stop = psutil.Process(), threading.Event()
        self._before = self.bytes = self._process.memory_info().rss
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.002):
            self.bytes = max(self.bytes, self._process.memory_info().rss)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.mib = (max(self.bytes, self._process.memory_info().rss) - self._before) / 2**20


def make_pool(prompts: int, k: int, rng: np.random.Generator) -> tuple[Pool, np.ndarray]:
    count = prompts * k
    none = np.zeros(0, dtype=np.int64)
    models = Models(np.arange(count + 1), (np.arange(count) % k).astype(np.int32), [f"m{n:02d}" for n in range(k)])
    lengths = rng.integers(10, 2000, count).astype(np.int32)
    pool = Pool(np.arange(prompts + 1) * k, none, none, none, count, lengths, models)
    return pool, rng.standard_normal((MEMBERS, count), dtype=np.float32)


def plain_deltaucb(rewards: np.ndarray, k: int) -> float:
    """Seconds per prompt of deltaucb as two plain loops over the responses."""
    start = time.perf_counter()
    for prompt in range(SAMPLE):
        part = rewards[:, prompt * k : (prompt + 1) * k].astype(np.float64)
        mean, deviation = part.mean(axis=0), part.std(axis=0, ddof=1)
        pairs = ((i, j) for i in range(k) for j in range(k) if i != j)
        max(pairs, key=lambda ij: mean[ij[0]] + deviation[ij[0]] - (mean[ij[1]] - deviation[ij[1]]))
    return (time.perf_counter() - start) / SAMPLE


def measure(prompts: int, k: int) -> dict[str, dict[str, float]]:
    rng = np.random.default_rng(0)
    pool, rewards = make_pool(prompts, k, rng)
    judged = rewards[0].astype(np.float64)
    rules = {p.pairs.rule: p.pairs for p in load_params(packaged_params()).policies.values()}
    rules |= {name: PairParameters(rule=name, per_prompt=1) for name in ("given", "random")}
    found = {}
    for name in sorted(set(PAIR_RULES) - {"given", "auto"}):
        predicted, draws = GivenRewards(rewards), Draws(0, 1, False)
        with Peak() as peak:
            start = time.perf_counter()
            pairs = find_candidates(
                pool, rules[name], Pairs.empty(), draws, predicted, judge=lambda rows: judged[rows]
            ).pairs
            seconds = time.perf_counter() - start
        assert len(pairs) == prompts
        found[name] = {"seconds": seconds, "mib": peak.mib}
    found["plain deltaucb, scaled"] = {"seconds": plain_deltaucb(rewards, k) * prompts, "mib": 0.0}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, nargs="+", default=[15_000, 30_000, 60_000])
    parser.add_argument("--responses", type=int, default=30)
    arguments = parser.parse_args()
    by_size = {prompts: measure(prompts, arguments.responses) for prompts in arguments.prompts}
    small, large = min(by_size), max(by_size)
    growth = {
        name: float(np.log(of["seconds"] / by_size[small][name]["seconds"]) / np.log(large / small))
        for name, of in by_size[large].items()
        if large > small
    }
    result = {
        "responses": arguments.responses,
        "members": MEMBERS,
        "rules": {name: {n: by_size[n][name] for n in by_size} for name in by_size[small]},
        "exponent_of_time_in_prompts": growth,
        "speedup_deltaucb": by_size[large]["plain deltaucb, scaled"]["seconds"]
        / by_size[large]["deltaucb"]["seconds"],
    }
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
