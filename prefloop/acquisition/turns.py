"""Order in which prompts get labels: a race of independent clocks, one per prompt.

The law is sequential: whenever a label is due, prompt q gets it with probability in proportion to
rate(q, k) * (1 + c_q)^-gamma, k being the labels it got in this race and c_q all it has. Independent
exponential waiting times with these rates, one behind the other for each prompt, ring in just that order,
so the first n rings are the first n labels: nothing is refused and nothing is computed anew after a label.
Times are kept as logarithms, since weights may span hundreds of orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prefloop.acquisition.segments import Segments

# Gives the log waiting times float64 [R, T] of prompt rows int64 [R] for their turns int64 [T], counted from 0,
# as they are at c_q = 0; a turn that a prompt cannot have gets any number.
Waits = Callable[[np.ndarray, np.ndarray], np.ndarray]


def take_turns(left: np.ndarray, labels: np.ndarray, gamma: float, waits: Waits, n: int) -> np.ndarray:
    """The prompts that get the next n labels, int64 [n], in order.

    Args:
        left: int64 [Q], candidates of each prompt: the turns it can have.
        labels: int64 [Q], labels c_q of each prompt before the race.
        gamma: exponent >= 0; infinity gives each label to a prompt with the fewest labels.
        waits: log waiting times; asked once for each turn, a prompt's turns in ascending order.
        n: how many, at most the sum of `left`.
    """
    rows = np.flatnonzero(left > 0)
    clock, rung, owner = None, np.empty(0), np.empty(0, dtype=np.int64)
    done, block = 0, 1
    # Blocks double, so that a prompt with many of the labels costs no more steps than the log of their number.
    while len(rows) and n:
        turns = np.arange(done, done + block)
        times = _times(clock, labels[rows, None] + turns, gamma, waits(rows, turns))
        size = left[rows]
        can, more = turns < size[:, None], size > done + block
        rung = np.concatenate([rung, times[can]])
        owner = np.concatenate([owner, np.broadcast_to(rows[:, None], can.shape)[can]])
        if len(rung) > n:
            last = np.partition(rung, n - 1)[n - 1]
            early = rung <= last
            rung, owner, more = rung[early], owner[early], more & (times[:, -1] <= last)
        rows, clock = rows[more], times[more, -1]
        done, block = done + block, 2 * block
    return owner[np.argsort(rung, kind="stable")[:n]]


def _times(clock: np.ndarray | None, labels: np.ndarray, gamma: float, waits: np.ndarray) -> np.ndarray:
    # When each turn comes: log times [R, T] after the clocks [R], or after the start for first turns [R, 1].
    if np.isinf(gamma):
        # Fewer labels always come first, then the shorter wait: complex numbers are ordered like that.
        times = np.empty(waits.shape, dtype=np.complex128)
        times.real, times.imag = labels, waits
        return times
    if gamma:
        waits = waits + _logs(gamma, labels)
    if clock is None:
        return waits
    first = np.logaddexp(clock[:, None], waits[:, :1])
    return np.logaddexp.accumulate(np.concatenate([first, waits[:, 1:]], axis=1), axis=1)


def _logs(gamma: float, labels: np.ndarray) -> np.ndarray:
    # gamma * log(1 + labels); counts are few distinct numbers, and a look-up costs a tenth of a logarithm.
    return np.asarray((gamma * np.log1p(np.arange(labels.max() + 1)))[labels])


def even_waits(rng: np.random.Generator, rates: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Waits:
    """Waiting times with given rates, drawn when they are asked for.

    Args:
        rng: the source of the times.
        rates: gives float64 [R, T] > 0, rates of prompt rows [R] at turns [T]; any positive number for a turn
            that a prompt cannot have.
    """
    return lambda rows, turns: np.log(rng.standard_exponential((len(rows), len(turns))) / rates(rows, turns))


def occurrences(values: np.ndarray) -> np.ndarray:
    """How often each value stood in the array before, int64 [n] of [n]."""
    order = np.argsort(values, kind="stable")
    runs = Segments(np.unique(values, return_counts=True)[1])
    result = np.empty(len(values), dtype=np.int64)
    result[order] = np.arange(len(values)) - runs.spread(runs.starts)
    return result


def deal(prompt: np.ndarray, order: np.ndarray, turns: np.ndarray) -> np.ndarray:
    """A candidate for each turn: a prompt's k-th turn takes its k-th candidate in the given order.

    Args:
        prompt: int64 [N], prompt rows of the candidates.
        order: int64 [N], all candidates in some order; a random one deals each prompt's out uniformly.
        turns: int64 [B], prompt rows.

    Returns:
        int64 [B], distinct candidates.
    """
    asked = np.bincount(turns, minlength=int(prompt.max()) + 1)
    rows = _first_of(prompt, order, asked)
    chosen = np.flatnonzero(asked)
    # Small numbers sort in linear time.
    place = np.zeros(len(asked), dtype=np.min_scalar_type(len(chosen)))
    place[chosen] = np.arange(len(chosen))
    of_row = place[prompt[rows]]
    runs = Segments(np.bincount(of_row))
    grouped = rows[np.argsort(of_row, kind="stable")]
    return grouped[runs.starts[place[turns]] + occurrences(turns)]


def _first_of(prompt: np.ndarray, order: np.ndarray, asked: np.ndarray) -> np.ndarray:
    # Candidates in the given order, among them as many of each prompt as are asked for, the first ones. A look at
    # a sixteenth of the order serves large prompts; the rest is searched for the few candidates of small ones.
    front, back = np.split(order, [len(order) // 16])
    of_front = prompt[front]
    rows = front[asked[of_front] > 0]
    lacking = asked > np.bincount(of_front, minlength=len(asked))
    if not lacking.any():
        return rows
    return np.concatenate([rows, back[lacking[prompt][back]]])
