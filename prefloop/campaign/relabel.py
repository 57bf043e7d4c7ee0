"""Disputed pairs: those on which votes disagree, the closest first, to be asked about once more."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from scipy.special import betainc, entr

from prefloop.campaign.issued import vote_counts
from prefloop.io.hashing import unit_interval
from prefloop.labels.disputes import disputed

_DIGITS = 12


def most_annotators(annotators_per_pair: int) -> int:
    """People who are asked about a disputed pair at most: twice as many as at first and one, against draws."""
    return 2 * annotators_per_pair + 1


def by_doubt(labels: pa.Table, most: int, seed: int) -> tuple[pa.Table, np.ndarray]:
    """Disputed pairs (`prefloop.labels.disputes.disputed`), the greatest doubt first.

    The doubt is the entropy of which side more people prefer: theta, the share for a, has the posterior
    Beta(1/2 + a + t/2, 1/2 + b + t/2) by the votes for a, for b and for neither, and a wins where theta > 1/2.
    Equal doubts: fewer votes first, where one more says most; then by a hash.

    Args:
        labels: what the log says by pair (`aggregate.AGGREGATED`).
        most: pairs with so many votes are left alone.
        seed: the campaign's seed, for the hash.

    Returns:
        The rows in order, and the doubt of each, float64 [n], nats.
    """
    a, b = (labels[f"votes_{side}"].to_numpy().astype(np.float64) for side in "ab")
    neither = (labels["votes_tie"].to_numpy() + labels["votes_both_bad"].to_numpy()).astype(np.float64)
    votes = vote_counts(labels)
    rows = np.flatnonzero(disputed(labels) & (votes < most))
    half = 0.5 + neither[rows] / 2
    lost = betainc(half + a[rows], half + b[rows], 0.5)
    doubt = np.round(entr(lost) + entr(1 - lost), _DIGITS)
    ids = labels["pair_id"].take(rows).to_pylist()
    chance = np.array([unit_interval("relabel", str(seed), pair) for pair in ids], dtype=np.float64)
    order = np.lexsort((chance, votes[rows], -doubt))
    return labels.take(rows[order]).combine_chunks(), doubt[order]
