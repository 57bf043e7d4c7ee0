"""Groups of comparisons that belong together, and hold-outs made of whole groups."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# A hold-out may be half as large again as wanted, since whole groups seldom add up.
_OVERSHOOT = 1.5
# Below so many groups, draws of their own would often leave members with the same hold-out.
_FEW = 10
# Held-out comparisons below which a loss says too little to stop on, where more were wanted.
_LEAST = 16


def comparison_groups(prompt: np.ndarray, text_a: np.ndarray, text_b: np.ndarray) -> np.ndarray:
    """Number the groups of comparisons that share a prompt or a text, directly or through others.

    Args:
        prompt: int [n], number of each comparison's prompt.
        text_a, text_b: int [n], numbers of the two texts; equal texts have equal numbers, under any prompt.

    Returns:
        int64 [n], group of each comparison: 0, 1, ... in order of first appearance.
    """
    count = len(prompt)
    _, prompt_node = np.unique(prompt, return_inverse=True)
    _, text_node = np.unique(np.concatenate([text_a, text_b]), return_inverse=True)
    text_node = text_node + count
    edges = np.ones(2 * count, dtype=np.int8), (np.tile(prompt_node, 2), text_node)
    _, component = connected_components(coo_array(edges, shape=(3 * count, 3 * count)), directed=False)
    _, first, group = np.unique(component[prompt_node], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[group].astype(np.int64)


def hold_outs(groups: np.ndarray, wanted: int, rngs: Sequence[np.random.Generator]) -> np.ndarray:
    """Choose for every member whole groups that make up about a wanted number of comparisons.

    A group with more than half of all comparisons always stays in training; of the others together a member
    holds out half at most. With ten groups or more each member draws its own, up to one and a half times the
    wanted number. With fewer the members cross-fit: one after another they begin with the groups that the fewest
    before them held out, however large, so that each has its turn.

    Args:
        groups: int64 [n], numbered from 0 without gaps.
        wanted: number of comparisons, at most half of all.
        rngs: M generators. Each draws one permutation of the groups; with fewer than ten groups only the first.

    Returns:
        bool [M, n], True = held out. None for any member where one of them would have fewer than `wanted`
        or sixteen, whichever is less: that is too little to stop on.
    """
    sizes, least = np.bincount(groups), min(wanted, _LEAST)
    if len(sizes) < _FEW:
        held = _cross_fitted(sizes, wanted, least, len(rngs), rngs[0].permutation(len(sizes)))
    else:
        held = np.stack([_drawn(sizes, wanted, least, rng.permutation(len(sizes))) for rng in rngs])
    if np.any(held @ sizes < least):
        held[:] = False
    return held[:, groups]


def _cross_fitted(sizes: np.ndarray, wanted: int, least: int, members: int, order: np.ndarray) -> np.ndarray:
    """Hold out the groups in turn, bool [M, groups]; a beginning that leaves too little is passed over."""
    held, limit = np.zeros((members, len(sizes)), dtype=bool), _most(sizes)
    for member in range(members):
        turn = order[np.argsort(held.sum(axis=0)[order], kind="stable")]
        tries = (
            _add(np.zeros(len(sizes), bool), sizes, np.roll(turn, -n), wanted, limit) for n in range(len(turn))
        )
        held[member] = next((taken for taken in tries if sizes[taken].sum() >= least), held[member])
    return held


def _drawn(sizes: np.ndarray, wanted: int, least: int, order: np.ndarray) -> np.ndarray:
    """Hold out groups in the order of a draw, bool [groups]; the smallest where too few of them fit."""
    most = _most(sizes)
    taken = _add(np.zeros(len(sizes), bool), sizes, order, wanted, min(_OVERSHOOT * wanted, most))
    return _add(taken, sizes, order[np.argsort(sizes[order], kind="stable")], least, most)


def _most(sizes: np.ndarray) -> float:
    """Comparisons that a member may hold out: half of those in groups that have not more than half of all."""
    return float(sizes[2 * sizes <= sizes.sum()].sum() / 2)


def _add(taken: np.ndarray, sizes: np.ndarray, order: np.ndarray, wanted: int, limit: float) -> np.ndarray:
    """Take further groups in an order until `wanted` comparisons are taken; pass over what exceeds `limit`."""
    taken, count = taken.copy(), int(sizes[taken].sum())
    for group in order:
        if count >= wanted:
            break
        if not taken[group] and count + sizes[group] <= limit:
            taken[group], count = True, count + int(sizes[group])
    return taken
