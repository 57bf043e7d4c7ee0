"""What a model of annotators is measured against: shares, one number a person, Dawid-Skene, and the control."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.sparse import csr_array
from scipy.special import gammaln, softmax

from prefloop.labels.annotators import fit_annotators
from prefloop.labels.verdicts import TIE
from prefloop.labels.votes import Votes

Predict = Callable[[Votes, Votes], np.ndarray]

_STEPS = 40
# Votes of everybody that are added to a person's own: for the references the best of these is told.
STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)


def share(votes: Votes, asked: Votes) -> np.ndarray:
    """The pair's share of each verdict, drawn to that of all pairs by the likeliest Dirichlet prior."""
    return _smoothed(votes.counts, _everybody(votes))[asked.pair]


def control(votes: Votes, asked: Votes) -> np.ndarray:
    """The share, times how often this person ties (names a side) in units of how often all do."""
    mean = _everybody(votes)
    sides = np.bincount(votes.person * 2 + (votes.verdict == TIE), minlength=2 * len(votes.people)).reshape(-1, 2)
    habit = _smoothed(sides, np.array([1 - mean[TIE], mean[TIE]])) / [1 - mean[TIE], mean[TIE]]
    product = share(votes, asked) * habit[asked.person][:, [0, 0, 1]]
    return np.asarray(product / product.sum(axis=1, keepdims=True))


def ours(votes: Votes, asked: Votes) -> np.ndarray:
    """The model of annotators."""
    return fit_annotators(votes).predict(asked.pair, asked.person)


def one_coin(strength: float) -> Predict:
    """One chance of being right for each person, the same for a, b and tie; errors fall on both others alike."""

    def matrices(counts: np.ndarray) -> np.ndarray:
        right, total = np.einsum("wtt->w", counts), counts.sum(axis=(1, 2))
        chance = (right + strength * right.sum() / total.sum()) / (total + strength)
        eye = np.eye(3)
        return np.asarray(chance[:, None, None] * eye + (1 - chance)[:, None, None] * (1 - eye) / 2)

    return lambda votes, asked: _dawid_skene(votes, asked, matrices)


def dawid_skene(strength: float) -> Predict:
    """A full confusion matrix for each person, drawn to everybody's by a Dirichlet prior."""

    def matrices(counts: np.ndarray) -> np.ndarray:
        pooled = counts.sum(axis=0)
        shrunk = counts + strength * pooled / pooled.sum(axis=1, keepdims=True)
        return np.asarray(shrunk / shrunk.sum(axis=2, keepdims=True))

    return lambda votes, asked: _dawid_skene(votes, asked, matrices)


def _dawid_skene(votes: Votes, asked: Votes, matrices: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Predictions [n, 3] after expectation maximisation; `matrices` gives [W, truth, said] from counts."""
    shape = len(votes.pair_ids), 3 * len(votes.people)
    table = csr_array((np.ones(len(votes)), (votes.pair, 3 * votes.person + votes.verdict)), shape=shape)
    truth = (votes.counts + 0.1) / (votes.counts + 0.1).sum(axis=1, keepdims=True)
    for _ in range(_STEPS):
        matrix = matrices((table.T @ truth).reshape(-1, 3, 3).transpose(0, 2, 1))
        logs = np.log(matrix).transpose(0, 2, 1).reshape(-1, 3)
        truth = softmax(table @ logs + np.log(truth.mean(axis=0)), axis=1)
    return np.asarray(np.einsum("nt,ntv->nv", truth[asked.pair], matrix[asked.person]))


def _everybody(votes: Votes) -> np.ndarray:
    """How often a, b and tie are said in all, a and b alike."""
    tied = float((votes.verdict == TIE).mean())
    return np.array([(1 - tied) / 2, (1 - tied) / 2, tied])


def _smoothed(counts: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Shares [n, k] of counts under the Dirichlet prior of that mean with the greatest likelihood."""

    def loss(log_strength: float) -> float:
        prior = np.exp(log_strength) * mean
        whole = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum(axis=1))
        return -float((whole + (gammaln(counts + prior) - gammaln(prior)).sum(axis=1)).sum())

    strength = np.exp(minimize_scalar(loss, bounds=(-4, 7), method="bounded").x)
    return np.asarray((counts + strength * mean) / (counts.sum(axis=1, keepdims=True) + strength))
