"""Model of annotators: what a pair's votes say of it, given each person's own tie habit and reliability."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.sparse import csr_array
from scipy.special import softmax

from prefloop.labels.verdicts import TIE
from prefloop.labels.votes import Votes

# Grades of a pair: clearly b, slightly b, alike, slightly a, clearly a.
GRADES = np.array([-2, -1, 0, 1, 2])
_SIZE = np.abs(GRADES)
# Log odds of a clear grade in units of those of a slight one.
_STEPS = np.array([0.0, 1.0, 3.0])
# What a person says, seen from the better answer: names it, names the other, ties.
_RIGHT, _WRONG, _TIED = range(3)
# Which of these a, b and tie are under each grade, and back again: a is right where a is the better one.
_SAID = np.array([[_RIGHT, _WRONG, _TIED] if grade >= 0 else [_WRONG, _RIGHT, _TIED] for grade in GRADES])

# Where the search begins, and what few votes are drawn to: the scale of the log odds, and the log odds of a tie
# where the answers are alike and where they are not; their standard deviation; pairs of each grade; the spread of
# people, and of how many.
_START, _START_SD = np.array([1.0, 0.5, -0.7]), 1.0
_START_PAIRS, _START_SPREAD, _START_PEOPLE = 1.0, 0.5, 4.0
# Gauss-Hermite nodes of a standard normal, exact to degree 5.
_NODES, _WEIGHTS = np.array([-np.sqrt(3.0), 0.0, np.sqrt(3.0)]), np.array([1.0, 4.0, 1.0]) / 6
# Change of a parameter in one step at most; mean change of the grades' chances at which the search ends.
_LARGEST_STEP, _TOLERANCE, _MOST_STEPS = 1.0, 1e-4, 500


@dataclass(frozen=True)
class Pooled:
    """What all people have in common.

    Attributes:
        share: float64 [5], how often pairs have each of `GRADES`; alike for a and b.
        scale: log odds of right against wrong where one is slightly better; three times as large where clearly.
        ties: float64 [2], log odds of a tie against either side: of pairs that are alike, and of others.
        spread: float64 [2], standard deviations of people's tie habits and of their log reliabilities.
    """

    share: np.ndarray
    scale: float
    ties: np.ndarray
    spread: np.ndarray


@dataclass(frozen=True)
class AnnotatorModel:
    """What votes say of P pairs and W people.

    Attributes:
        pooled: what all have in common.
        grades: float64 [P, 5], posterior of each pair's grade.
        habits: float64 [W, 2], each person's tie habit (log odds) and log reliability, most probable.
        said: float64 [W, 3, 3], chance that a person is right, wrong or ties, by size of grade; a posterior mean,
            so that who has said little is like everybody.
        typical: float64 [3, 3], the same of somebody of whom nothing is known.
    """

    pooled: Pooled
    grades: np.ndarray
    habits: np.ndarray
    said: np.ndarray
    typical: np.ndarray

    @property
    def posterior(self) -> np.ndarray:
        """float64 [P, 3], chance that a is better, that b is, and that the answers are alike."""
        better = self.grades[:, 3:].sum(axis=1), self.grades[:, :2].sum(axis=1)
        return np.stack([*better, self.grades[:, 2]], axis=1)

    @property
    def consensus(self) -> np.ndarray:
        """float64 [P, 3], how often people would say a, b and tie if very many were asked about each pair."""
        return np.asarray(self.grades @ confusion(self.typical))

    @property
    def reliability(self) -> np.ndarray:
        """float64 [W], chance that a person who names a side, of pairs with a better one, names the better."""
        named = np.einsum("wsv,s->wv", self.said[:, 1:], self.pooled.share[3:])
        return np.asarray(named[:, _RIGHT] / (named[:, _RIGHT] + named[:, _WRONG]))

    @property
    def tie_rate(self) -> np.ndarray:
        """float64 [W], chance that a person ties, over all grades."""
        return np.asarray(np.einsum("wgv,g->wv", confusion(self.said), self.pooled.share)[:, TIE])

    @property
    def weights(self) -> np.ndarray:
        """float64 [W, 2], what a preference and a tie of each person say of a pair; 1 for who is like everybody.

        A preference weighs the person's reliability, which multiplies every logit; a tie besides how seldom the
        person ties, since one of who always ties says nothing.
        """
        reliable = np.exp(self.habits[:, 1])
        typical = float(confusion(self.typical)[:, TIE] @ self.pooled.share)
        return np.stack([reliable, reliable * (1 - self.tie_rate) / (1 - typical)], axis=1)

    def predict(self, pair: np.ndarray, person: np.ndarray) -> np.ndarray:
        """Chance float64 [n, 3] that a person says a, b or tie of a pair, where that vote is not among the votes.

        Args:
            pair, person: int64 [n], numbers as in the votes; a person of -1 is somebody new.
        """
        everybody = np.concatenate([self.said, self.typical[None]])
        return np.asarray(np.einsum("ng,ngv->nv", self.grades[pair], confusion(everybody[person])))


def fit_annotators(votes: Votes) -> AnnotatorModel:
    """Find grades, people and what they have in common by expectation maximisation.

    A pair has one of five grades, as often for a as for b. Of a pair whose grade has size s person i says

        the better, the other, tie    with logits    r_i d_s / 2,   -r_i d_s / 2,   e_s + t_i,

    t_i ~ N(0, spread_t^2) the person's tie habit, log r_i ~ N(0, spread_r^2) the reliability. So a person's
    confusion matrix is everybody's, tilted by two numbers that are shrunk to 0 as far as people are alike, and
    turning a pair round turns all that is said of it. A step costs O(votes).

    Args:
        votes: any number, none included.

    Source: Dawid and Skene 1979 (doi 10.2307/2346806), with graded truths; ties as in Davidson 1970 (doi
        10.1080/01621459.1970.10481082); the spread of people by the steps of Laird and Ware 1982 (doi
        10.2307/2529876).
    """
    people, table = len(votes.people), _table(votes)
    pooled = Pooled(np.full(5, 0.2), _START[0], _START[1:], np.full(2, _START_SPREAD))
    habits, grades = np.zeros((people, 2)), np.tile(pooled.share, (len(votes.pair_ids), 1))
    covariance = np.tile(np.diag(pooled.spread**2), (people, 1, 1))
    for _ in range(_MOST_STEPS if len(votes) else 0):
        before, grades = grades, _grades(table, _averaged(pooled, habits, covariance), pooled.share)
        if np.abs(grades - before).mean() < _TOLERANCE:
            break
        counts = _counts(table, grades)
        habits, covariance = _people(pooled, counts, habits)
        pooled = _pool(pooled, grades, counts, habits, covariance)
    said = _averaged(pooled, habits, covariance)
    typical = _averaged(pooled, np.zeros((1, 2)), np.diag(pooled.spread**2)[None])[0]
    return AnnotatorModel(pooled, grades, habits, said, typical)


def confusion(said: np.ndarray) -> np.ndarray:
    """Chances of right, wrong and tie by size of grade [..., 3, 3] as of a, b and tie by grade [..., 5, 3]."""
    return np.asarray(said[..., _SIZE[:, None], _SAID])


def _chances(pooled: Pooled, habits: np.ndarray) -> np.ndarray:
    """Chances [n, 3, 3] of right, wrong and tie, by size of grade, of people with known habits [n, 2]."""
    right = np.exp(np.exp(habits[:, 1:]) * pooled.scale * _STEPS / 2)
    wrong, tie = 1 / right, np.exp(pooled.ties[[0, 1, 1]] + habits[:, :1])
    return np.asarray(np.stack([right, wrong, tie], axis=2) / (right + wrong + tie)[..., None])


def _averaged(pooled: Pooled, habits: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """The same over what is not known of the habits: normal with a covariance [n, 2, 2]."""
    factor, total = np.linalg.cholesky(covariance), np.zeros((len(habits), 3, 3))
    for x, of_x in zip(_NODES, _WEIGHTS, strict=True):
        for y, of_y in zip(_NODES, _WEIGHTS, strict=True):
            total += of_x * of_y * _chances(pooled, habits + factor @ np.array([x, y]))
    return total


def _table(votes: Votes) -> csr_array:
    """How often each person said a, b and tie of each pair: [P, 3 W], sparse."""
    shape = len(votes.pair_ids), 3 * len(votes.people)
    return csr_array((np.ones(len(votes)), (votes.pair, 3 * votes.person + votes.verdict)), shape=shape)


def _grades(table: csr_array, said: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Posterior [P, 5] of the pairs' grades."""
    logs = np.log(confusion(said)).transpose(0, 2, 1).reshape(-1, len(GRADES))
    return np.asarray(softmax(table @ logs + np.log(share), axis=1))


def _counts(table: csr_array, grades: np.ndarray) -> np.ndarray:
    """How often each person was right, wrong and tied, by size of grade, in expectation: [W, 3, 3]."""
    said = (table.T @ grades).reshape(-1, 3, len(GRADES))
    counts = np.zeros((len(said), 3, 3))
    for grade, size in enumerate(_SIZE):
        counts[:, size] += said[:, _SAID[grade], grade]
    return counts


def _people(pooled: Pooled, counts: np.ndarray, habits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A scoring step of each person's habits [W, 2], and their covariances [W, 2, 2] about the mode."""
    lean, surplus, gap, tied, total = _residuals(pooled, counts, habits)
    lean = lean * pooled.scale
    slope = np.stack([(counts[..., _TIED] - total * tied).sum(axis=1), (lean * surplus).sum(axis=1)], axis=1)
    information = np.empty((len(habits), 2, 2))
    information[:, 0, 0] = (total * tied * (1 - tied)).sum(axis=1)
    information[:, 1, 1] = (total * lean**2 * (1 - tied - gap**2)).sum(axis=1)
    information[:, 0, 1] = information[:, 1, 0] = -(total * lean * gap * tied).sum(axis=1)
    covariance = np.linalg.inv(information + np.diag(pooled.spread**-2.0))
    step = np.einsum("wij,wj->wi", covariance, slope - habits * pooled.spread**-2.0)
    return habits + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP), covariance


def _pool(
    pooled: Pooled, grades: np.ndarray, counts: np.ndarray, habits: np.ndarray, covariance: np.ndarray
) -> Pooled:
    """What all have in common, given everybody: a scoring step of the log odds, means of the rest."""
    share = grades.sum(axis=0) + _START_PAIRS
    variance = (habits**2).sum(axis=0) + np.einsum("wii->i", covariance) + _START_PEOPLE * _START_SPREAD**2
    lean, surplus, gap, tied, total = _residuals(pooled, counts, habits)
    missing = (counts[..., _TIED] - total * tied).sum(axis=0)
    of_ties = (total * tied * (1 - tied)).sum(axis=0)
    across = -(total * lean * gap * tied).sum()
    information = np.diag([(total * lean**2 * (1 - tied - gap**2)).sum(), of_ties[0], of_ties[1:].sum()])
    information[[0, 2], [2, 0]] = across
    slope = np.array([(lean * surplus).sum(), missing[0], missing[1:].sum()])
    now, precision = np.array([pooled.scale, *pooled.ties]), _START_SD**-2
    step = np.linalg.solve(information + precision * np.eye(3), slope - precision * (now - _START))
    now = now + np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    return replace(
        pooled,
        share=(share + share[::-1]) / (2 * share.sum()),
        scale=float(now[0]),
        ties=now[1:],
        spread=np.sqrt(variance / (len(habits) + _START_PEOPLE)),
    )


def _residuals(pooled: Pooled, counts: np.ndarray, habits: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a scoring step needs, by person and size of grade [W, 3].

    Returns:
        How the logit of right grows with the scale; how far right surpasses wrong beyond what is expected; the
        chances of right less wrong, and of a tie; how often anything was said.
    """
    chances, total = _chances(pooled, habits), counts.sum(axis=2)
    gap = chances[..., _RIGHT] - chances[..., _WRONG]
    surplus = counts[..., _RIGHT] - counts[..., _WRONG] - total * gap
    return np.exp(habits[:, 1:]) * _STEPS / 2, surplus, gap, chances[..., _TIED], total
