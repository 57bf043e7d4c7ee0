"""Audit slice: the part of a batch that is drawn at random under the target, whatever the policy and the model."""

from __future__ import annotations

import numpy as np

from prefloop.acquisition.view import Selection
from prefloop.config.policies import Policy
from prefloop.data.pairs import Pairs
from prefloop.pool.problem import Problem
from prefloop.pool.steps import ANY_PAIR, Batch, blind_candidates, choose_batch
from prefloop.reward.registry import UncertaintyModel
from prefloop.rng import Stream, generator

NO_PAIRS = Batch(Pairs.empty(), Selection(np.zeros(0, np.int64), np.zeros(0)))
_ROUNDING, _MIXING = 1, 2


def audit_batch(
    problem: Problem, model: UncertaintyModel, taken: Pairs, n: int, *, seed: int, round_: int
) -> Batch:
    """Draw n pairs, or as many as there are, such that their plain mean estimates the score under the target.

    A test score weighs a pair by its prompt's target weight, in equal parts (`pool.evaluate.pair_weights`). So
    here a prompt is drawn in proportion to its target weight and then one of its free pairs, and under target
    `pairs` every free pair alike. All weights are then 1: uniform draws with such weights would spend most of the
    slice on a large prompt that counts once. Pairs are formed as the initial random ones of simulated runs are.
    Source: Hansen and Hurwitz 1943 (Annals of Mathematical Statistics 14, 333).

    Args:
        problem: what selection may see.
        model: the current one; the draw never looks at it.
        taken: pairs that are labelled or wait for a label.
        n: how many.
        seed: the campaign's seed.
        round_: the round.
    """
    count = min(n, len(blind_candidates(problem.pool, ANY_PAIR, taken, seed)))
    if not count:
        return NO_PAIRS
    by_pair = {"policy": "random", "stream": "select"}
    batch = by_pair if problem.target == "pairs" else {"policy": "random_prompts"}
    draw = Policy.model_validate({"pairs": ANY_PAIR.model_dump(), "batch": batch})
    return choose_batch(
        problem, draw, model, taken, Pairs.empty(), count, seed=seed, round_=round_, stream=Stream.AUDIT
    )


def portion(size: int, share: float, seed: int, round_: int) -> int:
    """How many of a batch a share is: the whole part, and one more as often as the rest of it says.

    So that batches too small for one pair get their share over the rounds.

    Args:
        size: of the batch.
        share: 0 to 1.
        seed: the campaign's seed.
        round_: the round; it fixes which way the parts of all shares are rounded.
    """
    chance = generator(seed, round_, Stream.AUDIT, _ROUNDING).random()
    return min(size, int(share * size + chance))


def mixed(counts: tuple[int, ...], seed: int, round_: int) -> np.ndarray:
    """A random order of parts that stand one behind the other: the order within each stays.

    So that nobody can tell by its place why a pair is asked about. One part alone stays as it is.

    Args:
        counts: the length of each part.
        seed: the campaign's seed.
        round_: the round.

    Returns:
        int64 [n], positions in the joined parts.
    """
    part = np.repeat(np.arange(len(counts)), counts)
    shuffled = generator(seed, round_, Stream.AUDIT, _MIXING).permutation(part)
    rows = np.empty(len(part), dtype=np.int64)
    rows[np.argsort(shuffled, kind="stable")] = np.arange(len(part))
    return rows
