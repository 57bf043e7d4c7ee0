"""Test kit for policies: a tiny world, and the properties that every batch policy must have.

`check_policy(choose, parameters)` belongs into a test of one's own policy; the built-in ones are tested by it too.
That permuting unrevealed answers changes no choice needs no check: a view holds no answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from prefloop.acquisition.custom import check_selection
from prefloop.acquisition.view import PoolRewards, PoolView, Selection
from prefloop.data.pairs import Pairs
from prefloop.errors import ConfigError
from prefloop.neighbours.graph import NeighbourGraph
from prefloop.neighbours.nodes import distances, distinct_vectors, ordered_lists
from prefloop.rng import Stream, generator

Choose = Callable[[PoolView, int, np.random.Generator, Any], Selection]

_NEIGHBOURS = 4


class GivenRewards(PoolRewards):
    """Rewards that are given, not computed.

    Attributes:
        values: float32 [M, C_pool].
        asked: numbers of completions that rewards were asked for, in order.
    """

    def __init__(self, values: np.ndarray, last_layer: np.ndarray | None = None) -> None:
        self.values, self.asked = values, list[int]()
        if last_layer is not None:
            self.last_layer = last_layer

    def of(self, rows: np.ndarray | slice) -> np.ndarray:
        """float32 [M, n] of completion rows."""
        rewards = self.values[:, rows]
        self.asked.append(rewards.shape[1])
        return rewards


def make_view(seed: int = 0, prompts: int = 20, pairs: int = 60, acquired: int = 10, **changes: Any) -> PoolView:
    """A view of a small random pool with 4 members, listed pairs and repeated prompts.

    Args:
        seed: of the random numbers it is made of.
        prompts: Q.
        pairs: N candidates.
        acquired: A pairs acquired before.
        changes: fields of the view that are given instead; a and b: int64 [N], the candidates' completions.
    """
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((prompts, 4)).astype(np.float32)
    completions = 2 * (pairs + acquired)
    features = rng.standard_normal((completions, 5)).astype(np.float32)
    rewards = rng.standard_normal((4, completions)).astype(np.float32)
    rows = np.arange(0, completions, 2)
    prompt = rng.integers(0, prompts, pairs + acquired)
    a, b = changes.pop("a", rows[:pairs]), changes.pop("b", rows[:pairs] + 1)
    graph = small_graph(vectors)
    fields: dict[str, Any] = {
        "form": lambda: Pairs(a, b, prompt[:pairs]),
        "prompt": prompt[:pairs],
        "acquired_a": rows[pairs:],
        "acquired_b": rows[pairs:] + 1,
        "acquired_prompt": prompt[pairs:],
        "predicted": GivenRewards(rewards, features),
        "features": features,
        "prompt_features": vectors,
        "neighbours": lambda: graph,
        "prompt_weight": np.ones(prompts),
        "target": "prompts",
        "round": 1,
        "seed": seed,
    }
    return PoolView(**(fields | changes))


def small_graph(vectors: np.ndarray, k: int = _NEIGHBOURS) -> NeighbourGraph:
    """The neighbour graph of a few prompt vectors float32 [Q, D], every distance measured."""
    first, node = distinct_vectors(vectors)
    count = len(first)
    rows, others = (axis.ravel() for axis in np.indices((count, count)))
    lists, lengths = ordered_lists(rows, others, distances(vectors[first], rows, others), min(k, count))
    return NeighbourGraph(lists, lengths, node, first)


def check_policy(choose: Choose, parameters: Any) -> None:
    """Run a batch policy on small worlds and check what every policy must do.

    Distinct candidates in range with scores that are numbers, also for the whole pool, with nothing acquired
    before and with members that agree; the same picks for the same seed, whatever numpy's global state is; the
    same picks with a and b swapped everywhere; nothing written into the view.

    Args:
        choose: the policy.
        parameters: its last argument.

    Raises:
        AssertionError: it does not; the message says what.
    """
    none = np.zeros(0, dtype=np.int64)
    equal = GivenRewards(np.zeros((3, 120), dtype=np.float32), np.ones((120, 5), dtype=np.float32))
    start = make_view(acquired=0, acquired_a=none, acquired_b=none, acquired_prompt=none)
    picks = _checked(choose, make_view(), 25, parameters)
    _checked(choose, make_view(pairs=12), 12, parameters)
    _checked(choose, start, 30, parameters)
    _checked(choose, replace(start, predicted=equal), 30, parameters)
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(1)  # noqa: NPY002
        again = _checked(choose, make_view(), 25, parameters)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    _same(picks, again, "with the same seed it chose other pairs: draw from the generator it is given alone")
    view = make_view()
    swapped = make_view(a=view.b, b=view.a, acquired_a=view.acquired_b, acquired_b=view.acquired_a)
    again = _checked(choose, swapped, 25, parameters)
    _same(picks, again, "with a and b swapped everywhere it chose other pairs: neither order is the right one")


def _checked(choose: Choose, view: PoolView, n: int, parameters: Any) -> np.ndarray:
    read = (view.prompt, view.features, view.prompt_features, view.acquired_a, view.rewards, view.prompt_weight)
    arrays = [np.asarray(values) for values in read]
    before = [np.array(array) for array in arrays]
    selection = choose(view, n, generator(0, 1, Stream.SELECT), parameters)
    try:
        check_selection(selection, len(view), n, getattr(choose, "__name__", "policy"))
    except ConfigError as error:
        raise AssertionError(str(error)) from None
    if not all(np.array_equal(now, then) for now, then in zip(arrays, before, strict=True)):
        raise AssertionError("it wrote into the view's arrays: copy what you change")
    return selection.picks


def _same(expected: np.ndarray, picks: np.ndarray, otherwise: str) -> None:
    if not np.array_equal(expected, picks):
        raise AssertionError(otherwise)
