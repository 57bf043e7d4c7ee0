"""Disputes: pairs on which people disagree, and what may be done about those that no majority decides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import WORDS, A, B


def disputed(labels: pa.Table) -> np.ndarray:
    """Which pairs are disputed, bool [n]: votes that stand disagree, and nobody has ruled.

    Somebody said a and somebody b, or somebody one of them and somebody neither: tie or both_bad. A skip says
    nothing.

    Args:
        labels: what the log says by pair (`prefloop.labels.aggregate.AGGREGATED`).
    """
    a, b, tie, bad = (labels[f"votes_{word}"].to_numpy() > 0 for word in WORDS[:4])
    votes_differ = (a & b) | ((a | b) & (tie | bad))
    return np.asarray(votes_differ & pc.is_null(labels["ruling"]).to_numpy())


@dataclass(frozen=True)
class Disputes:
    """Disputed pairs, see `disputed`.

    Attributes:
        pairs: how many.
        undecided: of these, how many have no winner.
    """

    pairs: int
    undecided: int

    @classmethod
    def of(cls, labels: pa.Table) -> Disputes:
        """Those of a label table (`prefloop.labels.aggregate.AGGREGATED`)."""
        words = labels["verdict"].filter(pa.array(disputed(labels)))
        decided = pc.is_in(words, value_set=pa.array([WORDS[A], WORDS[B]]))
        return cls(len(words), pc.sum(pc.invert(decided)).as_py() or 0)

    def told(self, aggregate: str) -> str | None:
        """One line for people where disagreement has kept labels from training anything, else None.

        Args:
            aggregate: parameter `labels.aggregate`; where every vote counts, no pair trains nothing.
        """
        if aggregate != "majority" or not self.undecided:
            return None
        return (
            f"{self.undecided} pairs have as many votes for one answer as for the other, and train nothing "
            f"({self.pairs} pairs are disputed): have more people judge them, decide them as an admin on "
            "the labelling page, or let every vote count (labels.aggregate: share or annotators)"
        )
