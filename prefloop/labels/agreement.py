"""Agreement of annotators: raw and by Krippendorff's alpha, of all pairs, by pair, by person and over time.

A pair counts where two people or more have a vote on it. Who says that both are bad has said that neither is
better, which is a tie; a skip and an adjudication are no votes. Every measure stays the same when a and b change
over on any pair: which of two completions has the lower id means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import ndtri

from prefloop.labels.verdicts import COMPARED, TIE
from prefloop.labels.votes import votes_of
from prefloop.rng import Stream, generator

Interval = tuple[float, float]

_RESAMPLES = 2000


@dataclass(frozen=True)
class Agreement:
    """How far people agree on the pairs that two or more have judged.

    Attributes:
        pairs, votes: how many there are of them.
        raw: chance that two people say the same of a pair, mean over pairs; None without a pair.
        raw_interval: bootstrap interval over pairs; None with fewer than two pairs.
        alpha: Krippendorff's alpha, nominal: 1 full agreement, 0 what chance gives. None where all votes are ties:
            there is then no telling agreement from a habit.
        alpha_interval: as `raw_interval`; None where alpha is, or where a twentieth of the resamples have none.
    """

    pairs: int
    votes: int
    raw: float | None
    raw_interval: Interval | None
    alpha: float | None
    alpha_interval: Interval | None


@dataclass(frozen=True)
class PersonAgreement:
    """How far one person agrees with the others.

    Attributes:
        annotator: who.
        votes: how many are on pairs that others have judged too.
        agreement: chance that another vote on the same pair says the same, mean over votes; None without any.
        interval: Wilson's, as if each vote agreed or not; None without.
        chance: the same if this person and the others said ties as often as they do, but of other pairs.
        kappa: (agreement - chance) / (1 - chance): 0 says what chance does; None where chance is 1.
        tie_rate: share of ties among these votes.
    """

    annotator: str
    votes: int
    agreement: float | None
    interval: Interval | None
    chance: float | None
    kappa: float | None
    tie_rate: float | None


def agreement(standing: pa.Table, *, confidence: float = 0.95, seed: int = 0) -> Agreement:
    """Agreement over all pairs.

    Args:
        standing: as `prefloop.labels.aggregate.standing_votes` gives it, or some of its rows.
        confidence: of the intervals.
        seed: of the resampling.

    Source: Krippendorff 2011 (Computing Krippendorff's alpha-reliability); the bootstrap as in Hayes and
        Krippendorff 2007 (doi 10.1080/19312450709336664), but over pairs: votes on one are not independent.
    """
    return _agreement(votes_of(standing, "tie").counts, confidence, seed)


def agreement_by_pair(standing: pa.Table) -> pa.Table:
    """How far people agree on each pair: pair_id, votes, and agreement, null with fewer than two votes."""
    votes = votes_of(standing, "tie")
    count = votes.counts.sum(axis=1)
    several = count > 1
    shares = np.divide(_same(votes.counts), count * (count - 1.0), out=np.zeros(len(count)), where=several)
    columns = {"pair_id": votes.pair_ids, "votes": count, "agreement": pa.array(shares, mask=~several)}
    return pa.table(columns)


def agreement_by_person(standing: pa.Table, *, confidence: float = 0.95) -> list[PersonAgreement]:
    """Each person's agreement with the others' votes on the same pairs, by name."""
    everything = votes_of(standing, "tie")
    votes = everything.take(everything.counts.sum(axis=1)[everything.pair] > 1)
    people = len(votes.people)
    others = votes.counts[votes.pair].astype(np.float64)
    alike = others[np.arange(len(votes)), votes.verdict] - 1
    others[np.arange(len(votes)), votes.verdict] -= 1
    other_ties = others[:, TIE] / others.sum(axis=1)
    count = np.bincount(votes.person, minlength=people)
    names = votes.people.to_pylist()
    total = np.stack(
        [
            np.bincount(votes.person, values, minlength=people)
            for values in (alike / others.sum(axis=1), votes.verdict == TIE, other_ties)
        ],
        axis=1,
    )
    rows = [_person(names[w], int(count[w]), total[w], confidence) for w in range(people)]
    return sorted(rows, key=lambda row: row.annotator)


def agreement_by_month(
    standing: pa.Table, *, confidence: float = 0.95, seed: int = 0
) -> list[tuple[str, Agreement]]:
    """Agreement by calendar month, YYYY-MM, of each pair's last vote, in order."""
    months = pc.utf8_slice_codeunits(standing["timestamp"], 0, 7).to_numpy(zero_copy_only=False).astype(str)
    names, place = np.unique(months, return_inverse=True)
    return list(zip(names.tolist(), _over(standing, place, len(names), confidence, seed), strict=True))


def agreement_by_part(
    standing: pa.Table, parts: int, *, confidence: float = 0.95, seed: int = 0
) -> list[Agreement]:
    """Agreement in equal parts of the campaign: each pair belongs where its last vote came.

    Args:
        standing: as for `agreement`, with `order`.
        parts: how many, >= 1; votes are divided by their order among all words.
        confidence, seed: as for `agreement`.
    """
    place = np.argsort(np.argsort(standing["order"].to_numpy(), kind="stable")) * parts // max(len(standing), 1)
    return _over(standing, place, parts, confidence, seed)


def _over(standing: pa.Table, place: np.ndarray, parts: int, confidence: float, seed: int) -> list[Agreement]:
    """Agreement of the pairs whose last vote is in each of some parts, given the part of every row."""
    votes = votes_of(standing, "tie")
    last = np.zeros(len(votes.pair_ids), dtype=np.int64)
    np.maximum.at(last, votes.pair, place[votes.row])
    return [_agreement(votes.counts[last == part], confidence, seed) for part in range(parts)]


def _agreement(counts: np.ndarray, confidence: float, seed: int) -> Agreement:
    """Agreement of pairs whose votes are counted, int [P, 3]."""
    counts = counts[counts.sum(axis=1) > 1]
    # Which side is called a means nothing, not even to the order in which sums are rounded.
    counts = np.column_stack([np.sort(counts[:, :TIE], axis=1), counts[:, TIE:]])
    if not len(counts):
        return Agreement(0, 0, None, None, None, None)
    # Few kinds of pairs occur: resampling pairs is drawing how often each kind comes.
    kinds, often = np.unique(counts, axis=0, return_counts=True)
    raw, alpha = _measures(kinds, often[None])
    intervals: list[Interval | None] = [None, None]
    if len(counts) > 1:
        rng = generator(seed, 0, Stream.BOOTSTRAP)
        drawn = rng.multinomial(len(counts), often / len(counts), size=_RESAMPLES)
        intervals = [_interval(replicates, confidence) for replicates in _measures(kinds, drawn)]
    whole = None if np.isnan(alpha[0]) else float(alpha[0])
    return Agreement(
        len(counts),
        int(counts.sum()),
        float(raw[0]),
        intervals[0],
        whole,
        None if whole is None else intervals[1],
    )


def _measures(kinds: np.ndarray, often: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Raw agreement and alpha [R] of pairs [K, 3] that come so often [R, K]; NaN where alpha is undefined.

    alpha = 1 - (n - 1) D / E over each pair both ways round, n votes in all, with D = sum over pairs of
    (m^2 - sum_c n_c^2) / (m - 1) for m votes of which n_c say c, and E = n^2 - sum_c N_c^2 for N_c votes in all.
    """
    size = kinds.sum(axis=1)
    raw = often @ (_same(kinds) / (size * (size - 1))) / often.sum(axis=1)
    apart = 2 * often @ ((size**2 - (kinds**2).sum(axis=1)) / (size - 1))
    votes, ties = 2.0 * often @ size, 2.0 * often @ kinds[:, TIE]
    sides = (votes - ties) / 2
    expected = votes**2 - ties**2 - 2 * sides**2
    undefined = np.full(len(often), np.nan)
    return raw, 1 - np.divide((votes - 1) * apart, expected, out=undefined, where=expected > 0)


def _same(counts: np.ndarray) -> np.ndarray:
    """Ordered pairs of votes that say the same, of each pair's counts [P, 3]."""
    return np.asarray((counts * (counts - 1)).sum(axis=1))


def _interval(replicates: np.ndarray, confidence: float) -> Interval | None:
    defined = replicates[~np.isnan(replicates)]
    if len(defined) <= 0.95 * len(replicates):
        return None
    low, high = np.quantile(defined, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def _person(name: str, count: int, total: np.ndarray, confidence: float) -> PersonAgreement:
    if not count:
        return PersonAgreement(name, 0, None, None, None, None, None)
    same, ties, other_ties = (total / count).tolist()
    # Whoever names a side hits the other's, of other pairs, half the time.
    chance = ties * other_ties + (1 - ties) * (1 - other_ties) / (len(COMPARED) - 1)
    kappa = (same - chance) / (1 - chance) if chance < 1 else None
    return PersonAgreement(name, count, same, wilson(same, count, confidence), chance, kappa, ties)


def wilson(share: float, count: int, confidence: float) -> Interval:
    """Interval of a share of `count` trials.

    Source: Wilson 1927 (doi 10.1080/01621459.1927.10502953).
    """
    z = float(ndtri((1 + confidence) / 2))
    middle, size = share + z**2 / (2 * count), 1 + z**2 / count
    half = z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    # At 0 and 1 the ends are the share itself, but for rounding.
    return min(share, float((middle - half) / size)), max(share, float((middle + half) / size))
