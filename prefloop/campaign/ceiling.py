"""Noise ceiling: the best score that any model can reach, by how far the votes on a pair agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy

from prefloop.labels.verdicts import A, B

# Pairs with two votes before a ceiling is said.
FEWEST = 20


@dataclass(frozen=True)
class Ceiling:
    """What the agreement of two votes on a pair allows.

    Attributes:
        agreement: how often two votes on a pair agree; a tie agrees half with everything.
        pairs: pairs that have two votes.
        score: log-likelihood of the right probabilities, were all pairs equally hard; nats.
        highest: the same were some pairs certain and all others coin tosses: no model can be better.
    """

    agreement: float
    pairs: int
    score: float
    highest: float


def noise_ceiling(votes: np.ndarray) -> Ceiling | None:
    """The ceiling by the votes of several people, or of one person asked again.

    With votes x of 1 (a), -1 (b) and 0 (neither), two on a pair have an expected product of t = (2 q - 1)^2, q the
    chance that a vote is a. The best score is f(t) = q log q + (1 - q) log(1 - q), which is convex in t: its mean
    lies between f of the mean t and the chord from -log 2 to 0.

    Args:
        votes: int64 [n, 3], votes on each pair for a, for b and for neither.

    Returns:
        None where fewer than FEWEST pairs have two votes.
    """
    total = votes.sum(axis=1)
    several = votes[total > 1]
    if len(several) < FEWEST:
        return None
    total, sided = several.sum(axis=1), several[:, A] + several[:, B]
    product = ((several[:, A] - several[:, B]) ** 2 - sided) / (total * (total - 1))
    alike = float(product.mean())
    t = min(max(alike, 0.0), 1.0)
    q = (1 + np.sqrt(t)) / 2
    return Ceiling(
        agreement=(1 + alike) / 2,
        pairs=len(several),
        score=float(xlogy(q, q) + xlogy(1 - q, 1 - q)),
        highest=float(-np.log(2) * (1 - t)),
    )
