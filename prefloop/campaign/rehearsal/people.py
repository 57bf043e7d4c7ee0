"""Simulated people: what each of them says of a comparison, how long it takes, and when one leaves.

All is a function of the seed, the person, the pair and how often that person was asked about it, so people say the
same whatever the order of questions.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import exp
from statistics import NormalDist

from prefloop.config.model import Rehearsal
from prefloop.desk.task import Shown
from prefloop.io.hashing import unit_interval

_OTHER: dict[Shown, Shown] = {"left": "right", "right": "left"}
# A minute of thinking it over is a person's, an hour is not.
_LONGEST_S = 3600.0


@dataclass(frozen=True)
class Person:
    """Habits of one simulated annotator.

    Attributes:
        name: stands in the log.
        flips: share of verdicts on clear pairs that go to the worse answer.
        leans_left: share of verdicts that go to the left answer without a look at it.
        ties, both_bad, skips: share of questions answered so, whatever the answers.
        seconds: median time for a verdict.
        spread: standard deviation of the logarithm of the time.
        leaves: share of questions at which the person leaves for good, the question unanswered.
        seed: of all that is drawn.
    """

    name: str
    flips: float
    leans_left: float
    ties: float
    both_bad: float
    skips: float
    seconds: float
    spread: float
    leaves: float
    seed: int

    def verdict(self, pair_id: str, time: int, truth: Shown, offered: Collection[str]) -> Shown:
        """What the person says.

        Args:
            pair_id: the pair.
            time: how often the person has been asked about it before.
            truth: the better side, or tie.
            offered: what may be said besides left and right.
        """
        for word, share in (("skip", self.skips), ("both_bad", self.both_bad), ("tie", self.ties)):
            if word in offered and self._draw(word, pair_id, time) < share:
                return word  # type: ignore[return-value]
        if self._draw("lean", pair_id, time) < self.leans_left:
            return "left"
        if truth not in _OTHER:
            return truth if truth in offered else self._coin(pair_id, time)
        return _OTHER[truth] if self._draw("flip", pair_id, time) < self.flips else truth

    def takes(self, pair_id: str, time: int) -> float:
        """Seconds until the verdict."""
        draw = min(max(self._draw("seconds", pair_id, time), 1e-9), 1 - 1e-9)
        return min(self.seconds * exp(self.spread * NormalDist().inv_cdf(draw)), _LONGEST_S)

    def goes(self, pair_id: str, time: int) -> bool:
        """Whether the person leaves instead of answering."""
        return self._draw("leave", pair_id, time) < self.leaves

    def _coin(self, pair_id: str, time: int) -> Shown:
        return "left" if self._draw("coin", pair_id, time) < 0.5 else "right"

    def _draw(self, purpose: str, pair_id: str, time: int) -> float:
        return unit_interval("rehearsal", str(self.seed), self.name, purpose, pair_id, str(time))


def people_of(config: Rehearsal) -> tuple[Person, ...]:
    """The people of a rehearsal, whose habits are drawn from the ranges of its section."""

    def drawn(number: int, name: str) -> float:
        low, high = getattr(config, name)
        return low + (high - low) * unit_interval("rehearsal", str(config.seed), str(number), name)

    return tuple(
        Person(
            name=f"simulated-{number + 1}",
            flips=drawn(number, "flip_rate"),
            leans_left=drawn(number, "left_rate"),
            ties=drawn(number, "tie_rate"),
            both_bad=drawn(number, "both_bad_rate"),
            skips=drawn(number, "skip_rate"),
            seconds=drawn(number, "seconds"),
            spread=config.spread,
            leaves=config.leave_rate,
            seed=config.seed,
        )
        for number in range(config.people)
    )
