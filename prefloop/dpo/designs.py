"""Acquisition rules that look at the directions in which pairs move the policy.

A pair's direction is the difference of its completions' log-probability gradients at the reference's
last layer; its sign is the order of the pair, so only squares and absolute values of it are used.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.linalg import solve_triangular
from scipy.special import expit

from prefloop.acquisition.view import top
from prefloop.dpo.scores import certainty, implicit_reward
from prefloop.dpo.view import DpoRule, Factor, OnPolicyPairs, RoundView
from prefloop.section import Positive, Section


class Directed(Section):
    """Parameters of both rules: G, and numbers in a sketched direction."""

    pairs: Factor
    sketch: Annotated[int, Field(ge=8, le=65536)]


class Diverse(Directed):
    """Parameters of `diverse_certainty`."""

    max_cosine: Annotated[float, Field(gt=0, le=1)]


class DOptimal(Directed):
    """Parameters of `d_optimal`."""

    ridge: Positive


def d_optimal(view: RoundView, m: int, rng: np.random.Generator, config: DOptimal) -> OnPolicyPairs:
    """Of M * G pairs greedily those that add most to the log-determinant of DPO's information.

    H = ridge I + sum of w delta delta^T over the labelled pairs and those chosen so far, and the next pair
    has the largest log(1 + w delta^T H^-1 delta). A pair tells w = 4 mu (1 - mu), where mu = sigmoid(r_a - r_b)
    under the current policy. The unit of H is beta^2 / 4 times the candidates' mean |delta|^2: what an
    undecided pair of usual length adds. So a ridge of 1 weighs as much as one such pair in each direction,
    and beta acts through mu alone. A labelled pair counts as undecided (mu = 1/2, as at the reference,
    where directions are taken): it tells at most that, so its direction is avoided rather too much than
    too little.

    Source: Kveton et al. 2025 (arXiv 2503.01076), ADPO.
    """
    pairs = view.write(view.draw(m * config.pairs))
    if len(pairs) <= m:
        return pairs
    rewards = implicit_reward(pairs.log_policy, pairs.log_reference, view.beta)
    margin = rewards[:, 0] - rewards[:, 1]
    told, labelled = view.directions(pairs, config.sketch), view.labelled_directions(config.sketch)
    unit = np.sqrt((told**2).sum(axis=1).mean()) or 1.0
    told = told / unit * np.sqrt(4 * expit(margin) * expit(-margin))[:, None]
    return pairs.take(_greedy(told, labelled / unit, m, config.ridge, rng))


def _greedy(told: np.ndarray, labelled: np.ndarray, m: int, ridge: float, rng: np.random.Generator) -> np.ndarray:
    # Rows e = L^-1 sqrt(w) delta, H = L L^T: the gain is log(1 + |e|^2), and choosing e replaces every row f
    # by (I + e e^T)^-1/2 f, a rank-one update.
    order = rng.permutation(len(told))  # equal gains: the first of a random order
    factor = np.linalg.cholesky(ridge * np.eye(told.shape[1]) + labelled.T @ labelled)
    rows = solve_triangular(factor, told[order].T, lower=True).T
    left, picks = np.ones(len(order), dtype=bool), []
    for _ in range(m):
        gains = np.where(left, (rows**2).sum(axis=1), -1.0)
        best = int(np.argmax(gains))
        picks.append(order[best])
        left[best] = False
        if gains[best] > 0:
            along = rows[best] / np.sqrt(gains[best])
            rows = rows - np.outer((1 - 1 / np.sqrt(1 + gains[best])) * (rows @ along), along)
    return np.array(picks, dtype=np.int64)


def diverse_certainty(view: RoundView, m: int, rng: np.random.Generator, config: Diverse) -> OnPolicyPairs:
    """Of M * G pairs those that the implicit reward is surest of, but none that points where others do.

    Pairs are taken by certainty; one is passed over if the absolute cosine of its direction with one that
    is labelled or already taken is above `max_cosine`. If fewer than M are left, those passed over fill up
    by certainty. A `max_cosine` of 1 passes nothing over: the rule `certainty`.

    Source: ours; certainty is that of Muldrew et al. 2024 (arXiv 2402.08114).
    """
    pairs = view.write(view.draw(m * config.pairs))
    rewards = implicit_reward(pairs.log_policy, pairs.log_reference, view.beta)
    order = top(certainty(rewards[:, 0], rewards[:, 1]), len(pairs), rng)
    told = _of_length_one(view.directions(pairs, config.sketch))
    labelled = _of_length_one(view.labelled_directions(config.sketch))
    closest = np.abs(told @ labelled.T).max(axis=1, initial=0.0)
    taken: list[int] = []
    passed: list[int] = []
    for n in order.tolist():
        # Rounding may bring the cosine of equal directions above 1.
        if min(closest[n], 1.0) > config.max_cosine:
            passed.append(n)
            continue
        taken.append(n)
        if len(taken) == m:
            break
        closest = np.maximum(closest, np.abs(told @ told[n]))
    return pairs.take(np.array((taken + passed)[:m], dtype=np.int64))


def _of_length_one(directions: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(directions, axis=1, keepdims=True)
    # A direction of length 0 is close to none.
    return np.divide(directions, lengths, out=np.zeros_like(directions), where=lengths > 0)


RULES = {"diverse_certainty": DpoRule(diverse_certainty, Diverse), "d_optimal": DpoRule(d_optimal, DOptimal)}
