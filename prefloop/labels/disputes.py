"""Disputes: pairs on which people disagree, and what may be done about those that no majority decides."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.labels.verdicts import WORDS, A, B


@dataclass(frozen=True)
class Disputes:
    """Pairs with at least one standing vote for a and one for b.

    Attributes:
        pairs: how many.
        undecided: of these, how many have no winner.
    """

    pairs: int
    undecided: int

    @classmethod
    def of(cls, labels: pa.Table) -> Disputes:
        """Those of a label table (`prefloop.labels.aggregate.AGGREGATED`)."""
        disputed = pc.and_(pc.greater(labels["votes_a"], 0), pc.greater(labels["votes_b"], 0))
        words = pc.filter(labels["verdict"], disputed)
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
            f"({self.pairs} pairs have votes for both): have more people judge them, decide them as an admin on "
            "the labelling page, or let every vote count (labels.aggregate: share or annotators)"
        )
