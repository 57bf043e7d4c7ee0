"""Random views of responses for tests of pair rules: ragged K, ties, taken and listed pairs."""

from __future__ import annotations

import numpy as np

from prefloop.acquisition.free_pairs import formed_pairs, listed_pairs
from prefloop.acquisition.responses import ResponsesView
from prefloop.acquisition.segments import Segments
from prefloop.data.pairs import Pairs, Pool
from prefloop.data.prepared import Models

NOTHING = np.zeros(0, dtype=np.int64)


def make_pool(sizes, a=NOTHING, b=NOTHING, prompt=NOTHING, characters=None, models=None):
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    lengths = np.ones(offsets[-1], np.int32) if characters is None else characters
    models = models or Models(np.zeros(offsets[-1] + 1, np.int64), np.zeros(0, np.int32), [])
    return Pool(offsets, np.asarray(a), np.asarray(b), np.asarray(prompt), int(offsets[-1]), lengths, models)


def all_pairs(sizes):
    parts, start = [], 0
    for prompt, k in enumerate(sizes):
        i, j = np.triu_indices(k, 1)
        parts.append(Pairs(start + i, start + j, np.full(len(i), prompt)))
        start += k
    return Pairs.join(*parts)


def make_responses(rng, sizes, *, members=4, grid=None, taken=0.0, listed=False, spread=1.0):
    """A view over all prompts of `sizes`.

    Args:
        grid: rewards, draws and scores are multiples of it, so that ties happen; None = continuous.
        taken: share of pairs that are taken; prompts without a pair left drop out.
        listed: whether the free pairs are given as listed ones.
        spread: scale of the members' deviation from their mean.
    """
    pairs = all_pairs(sizes)
    is_free = rng.random(len(pairs)) >= taken
    is_free[0] = True
    prompts = np.unique(pairs.prompt[is_free])
    pool = make_pool(sizes)
    if listed:
        free = listed_pairs(pool, prompts, pairs.take(is_free))
    else:
        free = formed_pairs(pool, prompts, pairs.take(~is_free))
    count = int(np.asarray(sizes)[prompts].sum())

    def numbers(*shape):
        values = rng.standard_normal(shape)
        return values if grid is None else np.round(values / grid) * grid

    mean, deviation = numbers(count), np.abs(numbers(count)) * spread
    seed = int(rng.integers(1 << 31))
    view = ResponsesView(
        free=free,
        by_prompt=Segments(np.asarray(sizes)[prompts]),
        predict=lambda: mean + numbers(members, count) * spread,
        characters=lambda: np.random.default_rng(seed).integers(1, 6, count),
        strength=lambda: np.random.default_rng(seed + 1).integers(-1, 2, count).astype(float),
        judge=lambda: np.random.default_rng(seed + 2).integers(1, 6, count).astype(float),
        uniform=lambda number: np.random.default_rng([seed, number]).random(len(prompts)),
        member=lambda number: np.random.default_rng([seed + 5, number]).random(len(prompts)),
        noise=lambda number: np.random.default_rng([seed + 3, number]).random(count),
        draw=lambda number: _rounded(np.random.default_rng([seed + 4, number]).standard_normal(count), grid),
    )
    # Exact binary numbers, so that the slow rules add up to the same floats.
    view.__dict__["mean"] = mean if grid is None else np.round(mean / grid) * grid
    view.__dict__["deviation"] = deviation if grid is None else np.round(deviation / grid) * grid
    return view


def _rounded(values, grid):
    return values if grid is None else np.round(values / grid) * grid
