"""Pair rules with Thompson draws (see Slate.thompson); notation and result as in `rules`."""

from __future__ import annotations

import numpy as np

from prefloop.acquisition.rules import interval
from prefloop.acquisition.segments import Segments
from prefloop.acquisition.slate import Slate
from prefloop.config import pair_rules as params


def dts(slate: Slate, config: params.Dts) -> np.ndarray:
    """Double Thompson sampling: i = argmax of a posterior draw, j = argmax of a fresh draw, redrawn while j = i.

    After the fresh draw and `redraws` further ones that all gave i again, j is uniform.

    Source: Wu & Liu 2016 (arXiv 1604.07101), as in Melikidze et al. 2026.
    """
    return _opponent(slate, _best(slate, config), config, sign=1)


def drts(slate: Slate, config: params.Drts) -> np.ndarray:
    """Double reverse Thompson sampling: i = argmax of a posterior draw, j = argmin of a fresh draw, j != i.

    Redrawn, and uniform in the end, as for dts.

    Source: Melikidze et al. 2026 (arXiv 2603.09692), DRTS.
    """
    return _opponent(slate, _best(slate, config), config, sign=-1)


def infogain(slate: Slate, config: params.Infogain) -> np.ndarray:
    """i = argmax of a posterior draw, j = argmax of s(u_i - l_j) - s(l_i - u_j).

    Source: Melikidze et al. 2026, InfoGain.
    """
    free = slate.free
    pairs, runs = free.by_first.some(_best(slate, config))
    width = interval(slate, config.beta, free.first[pairs], free.second[pairs])
    return pairs[runs.largest(width, slate.uniform(1))]


def _best(slate: Slate, config: params.Dts | params.Drts | params.Infogain) -> np.ndarray:
    """The response with the largest first draw, int64 [G], positions among those that have a free pair."""
    free = slate.free
    return free.of_prompt.largest(slate.thompson(0, config)[free.responses], slate.uniform(0))


def _opponent(slate: Slate, best: np.ndarray, config: params.Dts | params.Drts, *, sign: int) -> np.ndarray:
    free = slate.free
    own = free.responses[best]
    chosen = np.full(len(best), -1, dtype=np.int64)
    waiting = np.arange(len(best))
    for number in range(1, config.redraws + 2):
        draw = sign * slate.thompson(number, config)
        pairs, runs = free.by_first.some(best[waiting])
        # The first response takes part: where it wins, a fresh draw follows.
        values, with_own, places = _with_own(draw, own[waiting], free.second[pairs], runs)
        won = with_own.largest(values, slate.uniform(number)[waiting])
        found = places[won] >= 0
        chosen[waiting[found]] = pairs[places[won[found]]]
        waiting = waiting[~found]
        if not len(waiting):
            return chosen
    pairs, runs = free.by_first.some(best[waiting])
    chosen[waiting] = pairs[runs.largest(np.zeros(len(pairs)), slate.uniform(config.redraws + 2)[waiting])]
    return chosen


def _with_own(
    draw: np.ndarray, own: np.ndarray, others: np.ndarray, runs: Segments
) -> tuple[np.ndarray, Segments, np.ndarray]:
    """Draws of each run's responses and, behind them, of its own one; -1 marks the own one's place."""
    ends = np.cumsum(runs.counts)
    values = np.insert(draw[others], ends, draw[own])
    places = np.insert(np.arange(len(others)), ends, -1)
    return values, Segments(runs.counts + 1), places
