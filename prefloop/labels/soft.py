"""Soft labels: how far the words on a pair say that a is better, and what the pair weighs in training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.config.model import Labels
from prefloop.labels.annotators import fit_annotators
from prefloop.labels.verdicts import TIE, A, B, majority
from prefloop.labels.votes import Votes, compared, votes_of

Ties = Literal["none", "half"]


@dataclass(frozen=True)
class SoftLabels:
    """What n pairs train.

    Attributes:
        share: float64 [n], weight of "a is better", that of "b is better" being the rest; NaN: nothing.
        weight: float64 [n], what the pair counts beside others, above 0; 0 where it trains nothing.
    """

    share: np.ndarray
    weight: np.ndarray

    def take(self, rows: np.ndarray) -> SoftLabels:
        """Those at some places, or under a mask."""
        return SoftLabels(self.share[rows], self.weight[rows])

    @classmethod
    def of_masses(cls, masses: np.ndarray, total: np.ndarray, ties: Ties) -> SoftLabels:
        """From how much there is for a, b and a tie [n, 3], out of how much [n].

        A tie is half a preference each way, or none; what trains nothing takes its part of the weight along.
        """
        each = masses[:, TIE] / 2 if ties == "half" else np.zeros(len(masses))
        for_a, trained = masses[:, A] + each, masses[:, A] + masses[:, B] + 2 * each
        empty = trained <= 0
        share = np.divide(for_a, trained, out=np.full(len(masses), np.nan), where=~empty)
        return cls(share, np.divide(trained, total, out=np.zeros(len(masses)), where=~empty))


def soft_verdicts(verdicts: np.ndarray, ties: Ties) -> SoftLabels:
    """Of single verdicts, codes [n] of a, b and tie: the simulated annotator's, or a majority's."""
    return SoftLabels.of_masses(np.eye(3)[verdicts], np.ones(len(verdicts)), ties)


def soft_labels(standing: pa.Table, pair: np.ndarray, ruled: np.ndarray, config: Labels) -> SoftLabels:
    """Of the standing words on P pairs.

    An adjudication decides its pair, whatever the votes. Of the others the majority's winner trains alone and a
    draw is a tie (`majority`); or each vote counts alike (`share`); or it weighs what the model of annotators says
    of the person (`annotators`). With `strength` a preference weighs its strength, or 1 where it has none.

    The model's own posterior is no label: it draws pairs with few votes to what is usual, and a reward model that
    learns from it is drawn there once more. Votes alone are right on average.

    Args:
        standing: as `prefloop.labels.aggregate.standing_votes` gives it.
        pair: int64, number of each word's pair, 0 to P - 1, each there.
        ruled: int64, rows of the adjudications.
        config: section `labels`.
    """
    votes = votes_of(standing, config.both_bad)
    numbers, count = pair[votes.row], int(pair.max(initial=-1)) + 1
    strength = _strength(standing, config)
    weight = strength[votes.row]
    if config.aggregate == "annotators":
        weight = weight * fit_annotators(votes).weights[votes.person, (votes.verdict == TIE).astype(np.int64)]
    masses = (
        np.bincount(numbers * 3 + votes.verdict, weight, minlength=3 * count).reshape(-1, 3).astype(np.float64)
    )
    total = np.bincount(numbers, minlength=count).astype(np.float64)
    if config.aggregate == "majority":
        masses, total = _of_majority(votes, numbers, masses), np.ones(count)
    decision, says = compared(standing["verdict"].take(ruled), config.both_bad)
    masses[pair[ruled]] = np.eye(3)[decision] * (says * strength[ruled])[:, None]
    total[pair[ruled]] = 1.0
    return SoftLabels.of_masses(masses, total, config.ties)


def _strength(standing: pa.Table, config: Labels) -> np.ndarray:
    """What each word weighs, float64: its strength where that counts and it names a winner."""
    if not config.strength:
        return np.ones(len(standing))
    named = pc.is_in(standing["verdict"], value_set=pa.array(["a", "b"]))
    return pc.if_else(named, pc.fill_null(standing["strength"], 1.0), 1.0).to_numpy()


def _of_majority(votes: Votes, pair: np.ndarray, masses: np.ndarray) -> np.ndarray:
    """All to the winner, as strong as its votes are on average; a draw is a tie."""
    said = np.bincount(pair * 3 + votes.verdict, minlength=masses.size).reshape(-1, 3)
    mean = np.divide(masses, said, out=np.ones_like(masses), where=said > 0)
    return np.asarray(np.eye(3)[majority(said)] * mean * (said.sum(axis=1) > 0)[:, None])
