"""The best of some candidates."""

from __future__ import annotations

import numpy as np

from prefloop.errors import NothingLeft


def top(scores: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the n largest scores, best first; ties in random order.

    Raises:
        NothingLeft: fewer than n candidates.
    """
    require(len(scores), n)
    shuffled = rng.permutation(len(scores))
    return shuffled[np.argsort(-scores[shuffled], kind="stable")[:n]]


def require(got: int, wanted: int) -> None:
    """Check that `wanted` pairs can be chosen from `got` candidates.

    Raises:
        NothingLeft: they cannot.
    """
    if got < wanted:
        raise NothingLeft(f"{wanted} comparisons wanted, {got} unlabelled ones left: ask for fewer, or add data")
