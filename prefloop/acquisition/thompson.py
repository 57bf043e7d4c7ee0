"""Pair rules with Thompson draws (see ResponsesView.thompson); notation and result as in `rules`."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from prefloop.acquisition.responses import PairRule, ResponsesView
from prefloop.acquisition.rules import Bounds, interval
from prefloop.acquisition.segments import Segments


class Thompson(Bounds):
    """Parameters of a rule with Thompson draws."""

    draws: Literal["member", "noise"]


class DoubleThompson(Thompson):
    """Parameters of a rule that draws both responses."""

    redraws: Annotated[int, Field(ge=0, le=1000)]


def dts(view: ResponsesView, config: DoubleThompson) -> np.ndarray:
    """Double Thompson sampling: i = argmax of a posterior draw, j = argmax of a fresh draw, redrawn while j = i.

    After the fresh draw and `redraws` further ones that all gave i again, j is uniform.

    Source: Wu & Liu 2016 (arXiv 1604.07101), as in Melikidze et al. 2026.
    """
    return _opponent(view, _best(view, config), config, sign=1)


def drts(view: ResponsesView, config: DoubleThompson) -> np.ndarray:
    """Double reverse Thompson sampling: i = argmax of a posterior draw, j = argmin of a fresh draw, j != i.

    Redrawn, and uniform in the end, as for dts.

    Source: Melikidze et al. 2026 (arXiv 2603.09692), DRTS.
    """
    return _opponent(view, _best(view, config), config, sign=-1)


def infogain(view: ResponsesView, config: Thompson) -> np.ndarray:
    """i = argmax of a posterior draw, j = argmax of s(u_i - l_j) - s(l_i - u_j).

    Source: Melikidze et al. 2026, InfoGain.
    """
    free = view.free
    pairs, runs = free.by_first.some(_best(view, config))
    width = interval(view, config.beta, free.first[pairs], free.second[pairs])
    return pairs[runs.largest(width, view.uniform(1))]


def _best(view: ResponsesView, config: Thompson) -> np.ndarray:
    """The response with the largest first draw, int64 [G], positions among those that have a free pair."""
    free = view.free
    return free.of_prompt.largest(view.thompson(0, config)[free.responses], view.uniform(0))


def _opponent(view: ResponsesView, best: np.ndarray, config: DoubleThompson, *, sign: int) -> np.ndarray:
    free = view.free
    first = free.responses[best]
    chosen = np.full(len(best), -1, dtype=np.int64)
    waiting = np.arange(len(best))
    for number in range(1, config.redraws + 2):
        draw = sign * view.thompson(number, config)
        pairs, runs = free.by_first.some(best[waiting])
        # The first response takes part: where it wins, a fresh draw follows.
        values, with_first, places = _with_first(draw, first[waiting], free.second[pairs], runs)
        won = with_first.largest(values, view.uniform(number)[waiting])
        beaten = places[won] >= 0
        chosen[waiting[beaten]] = pairs[places[won[beaten]]]
        waiting = waiting[~beaten]
        if not len(waiting):
            return chosen
    pairs, runs = free.by_first.some(best[waiting])
    chosen[waiting] = pairs[runs.largest(np.zeros(len(pairs)), view.uniform(config.redraws + 2)[waiting])]
    return chosen


def _with_first(
    draw: np.ndarray, first: np.ndarray, others: np.ndarray, runs: Segments
) -> tuple[np.ndarray, Segments, np.ndarray]:
    """Draws of each run's second responses and, behind them, of its first; -1 marks the first one's place."""
    ends = np.cumsum(runs.counts)
    values = np.insert(draw[others], ends, draw[first])
    places = np.insert(np.arange(len(others)), ends, -1)
    return values, Segments(runs.counts + 1), places


RULES = {
    "dts": PairRule(dts, DoubleThompson),
    "infogain": PairRule(infogain, Thompson),
    "drts": PairRule(drts, DoubleThompson),
}
