"""Groups of comparisons that belong together, and hold-outs made of whole groups."""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

# A hold-out may be half as large again as wanted, since whole groups seldom add up.
_OVERSHOOT = 1.5


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


def hold_out(groups: np.ndarray, wanted: int, rng: np.random.Generator) -> np.ndarray:
    """Choose whole groups at random that make up about a wanted number of comparisons.

    Groups in random order are taken while fewer than `wanted` comparisons are held out; one that
    would bring them above one and a half times that number, or above half of all, stays in training. Where
    not even one fits, the smallest is taken, if that leaves at least half to train on.

    Args:
        groups: int64 [n], numbered from 0 without gaps.
        wanted: number of comparisons, at most half of all.
        rng: its draws are one permutation of the groups.

    Returns:
        bool [n], True = held out; none where one group has more than half of all comparisons and the
        others do not exist.
    """
    sizes = np.bincount(groups)
    limit = min(_OVERSHOOT * wanted, len(groups) / 2)
    chosen, held = np.zeros(len(sizes), dtype=bool), 0
    order = rng.permutation(len(sizes))
    for group in order:
        if held >= wanted:
            break
        if held + sizes[group] <= limit:
            chosen[group], held = True, held + sizes[group]
    if not held and len(sizes):
        smallest = order[np.argmin(sizes[order])]
        chosen[smallest] = 2 * sizes[smallest] <= len(groups)
    return chosen[groups]
