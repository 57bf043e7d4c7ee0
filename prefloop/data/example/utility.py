"""The hidden utility of the example world: what its annotators weigh."""

from __future__ import annotations

import math
from typing import NamedTuple


class Qualities(NamedTuple):
    """What a completion's text carries.

    Attributes:
        coverage: share of the asked items that are addressed, 0 to 1.
        rejection: 1 where the completion rejects or reverses the request, else 0.
        off_topic: sentences of other topics.
        filler: sentences that say nothing.
        courtesy: 1 warm, 0 neutral, -1 rude.
    """

    coverage: float
    rejection: float
    off_topic: float
    filler: float
    courtesy: float


# Utility per unit of each quality. Styles differ, so that labels of one topic teach only part of another:
# a dangerous request should be rejected, a personal one wants warmth, a technical one no chatter.
WEIGHTS = {
    "practical": Qualities(3.0, -2.4, -1.8, -0.6, 1.2),
    "technical": Qualities(3.4, -2.0, -1.8, -1.2, 0.0),
    "personal": Qualities(1.8, -2.0, -1.4, 0.4, 2.2),
    "caution": Qualities(0.0, 1.8, -1.8, -0.2, 1.2),
}
# Utility that an annotator's scale takes for large: it lies three quarters of the way to the scale's end.
SCORE_SCALE = 5.0


def utility(style: str, qualities: Qualities) -> float:
    """Return the utility of a completion, in units of the logistic at temperature 1.

    Args:
        style: key of WEIGHTS, the style of the prompt's topic.
        qualities: what the completion carries.
    """
    return sum(weight * value for weight, value in zip(WEIGHTS[style], qualities, strict=True))


def win_probability(utility_a: float, utility_b: float, temperature: float) -> float:
    """Return p(a wins) = logistic((u_a - u_b) / temperature).

    Source: Bradley and Terry 1952.
    """
    # tanh neither overflows nor cancels, however small the temperature.
    return 0.5 + 0.5 * math.tanh((utility_a - utility_b) / temperature / 2)


def score(value: float) -> float:
    """Return a utility on an annotator's scale from 1 to 10, two decimals; a higher one never scores lower."""
    return round(5.5 + 4.5 * math.tanh(value / SCORE_SCALE), 2)
