"""Free pairs: those that may still be chosen, laid out for pair rules, a few prompts at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from prefloop.acquisition.segments import Segments
from prefloop.data.pairs import Pairs, Pool

# Ordered pairs laid out at once, about 60 MB: never those of a whole pool, but at least one prompt's.
_BLOCK = 1 << 20


@dataclass(frozen=True)
class FreePairs:
    """The pairs that may be chosen, each in both directions (i, j) and (j, i).

    Axis letters: G prompts, K their responses one behind the other (as many as each prompt has),
    E ordered pairs, sorted by first, then second.

    Attributes:
        first, second: int [E], positions among the K responses; never equal.
        by_prompt: runs of E, one per prompt; each prompt has at least one pair.
        by_first: runs of E, one per response that has a pair.
        responses: int [F], that response, position among K.
        of_prompt: runs of F, one per prompt.
    """

    first: np.ndarray
    second: np.ndarray
    by_prompt: Segments
    by_first: Segments
    responses: np.ndarray
    of_prompt: Segments


def blocks(pool: Pool, prompts: np.ndarray) -> Iterator[slice]:
    """Cut prompts into parts whose responses form about a million ordered pairs."""
    sizes = pool.sizes[prompts]
    ends = np.cumsum(sizes * (sizes - 1))
    start = 0
    while start < len(prompts):
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + _BLOCK, side="right")))
        yield slice(start, stop)
        start = stop


def formed_pairs(pool: Pool, prompts: np.ndarray, taken: Pairs) -> FreePairs:
    """All ordered pairs of the prompts' responses but for the taken ones.

    Args:
        pool: the pool.
        prompts: int64 [G] ascending, each with a pair left.
        taken: pairs acquired or reserved, of any prompt.
    """
    sizes = pool.sizes[prompts]
    runs, responses = Segments(sizes * (sizes - 1)), Segments(sizes)
    others = runs.spread(sizes - 1)
    local = np.arange(int(runs.counts.sum())) - runs.spread(runs.starts)
    first = local // others
    second = local - first * others
    second += second >= first
    shift = runs.spread(responses.starts)
    first, second = first + shift, second + shift
    free = np.ones(len(local), dtype=bool)
    place = np.searchsorted(prompts, taken.prompt).clip(max=len(prompts) - 1)
    here = np.flatnonzero(prompts[place] == taken.prompt)
    place = place[here]
    i, j = (rows[here] - pool.offsets[prompts[place]] for rows in (taken.a, taken.b))
    free[runs.starts[place] + i * (sizes[place] - 1) + j - (j > i)] = False
    free[runs.starts[place] + j * (sizes[place] - 1) + i - (i > j)] = False
    return _laid_out(first[free], second[free], Segments(np.add.reduceat(free, runs.starts, dtype=np.int64)))


def listed_pairs(pool: Pool, prompts: np.ndarray, listed: Pairs) -> FreePairs:
    """Listed pairs in both directions.

    Args:
        pool: the pool.
        prompts: int64 [G] ascending, each with one of the pairs.
        listed: the pairs of these prompts that are left.
    """
    sizes = pool.sizes[prompts]
    place = np.searchsorted(prompts, listed.prompt)
    shift = (np.cumsum(sizes) - sizes - pool.offsets[prompts])[place]
    a, b = listed.a + shift, listed.b + shift
    first, second = np.concatenate([a, b]), np.concatenate([b, a])
    order = np.lexsort((second, first))
    return _laid_out(first[order], second[order], Segments(2 * np.bincount(place, minlength=len(prompts))))


def _laid_out(first: np.ndarray, second: np.ndarray, by_prompt: Segments) -> FreePairs:
    starts = np.flatnonzero(np.diff(first, prepend=-1))
    of_prompt = np.diff(np.searchsorted(starts, by_prompt.starts), append=0)
    of_prompt[-1] = len(starts) - of_prompt[:-1].sum()
    by_first = Segments(np.diff(starts, append=len(first)))
    return FreePairs(first, second, by_prompt, by_first, first[starts], Segments(of_prompt))
