"""Batch policies that rank pairs by a score: no pair looks at another."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from prefloop import uncertainty as u
from prefloop.acquisition.view import BatchPolicy, PoolView, Selection, require, top
from prefloop.rng import Stream, generator
from prefloop.section import NonNegative, NoParameters, Positive, Section


class Random(Section):
    """Parameters of `random`."""

    stream: Literal["select", "control"]


class Coldness(Section):
    """Parameters of a policy with Gumbel noise of one scale."""

    coldness: Positive


class PowerBald(Coldness):
    """Parameters of `power_bald`."""

    annealing: Literal["geometric", "linear"]
    growth: Positive
    final_coldness: Positive
    annealing_rounds: Annotated[int, Field(ge=1)]
    offset: NonNegative


def random(view: PoolView, n: int, rng: np.random.Generator, config: Random) -> Selection:
    """Pairs drawn uniformly without replacement: the baseline.

    Source: Melo et al. 2024, experiments.
    """
    if config.stream == "control":
        rng = generator(view.seed, view.round, Stream.CONTROL)
    require(len(view), n)
    return Selection(rng.permutation(len(view))[:n], np.zeros(n))


def entropy(view: PoolView, n: int, rng: np.random.Generator, config: NoParameters) -> Selection:
    """The largest predictive entropy H[mean_m p_m]: least certain pairs, noise included.

    Source: Melo et al. 2024 (BAL-PM, arXiv 2406.10023), first term of the epistemic uncertainty.
    """
    scores = u.predictive_entropy(view.logits)
    picks = top(scores, n, rng)
    return Selection(picks, scores[picks])


def variance(view: PoolView, n: int, rng: np.random.Generator, config: NoParameters) -> Selection:
    """The largest variance over members of the win probability.

    Source: the query-by-committee form of ensemble disagreement (Seung et al. 1992).
    """
    scores = u.variance(view.logits)
    picks = top(scores, n, rng)
    return Selection(picks, scores[picks])


def bald(view: PoolView, n: int, rng: np.random.Generator, config: NoParameters) -> Selection:
    """The largest epistemic uncertainty U = H[mean_m p_m] - mean_m H[p_m].

    Taken as a batch it repeats itself.
    Source: Houlsby et al. 2011 (BALD); Melo et al. 2024, epistemic uncertainty.
    """
    scores = u.bald(view.logits)
    picks = top(scores, n, rng)
    return Selection(picks, scores[picks], uncertainty=scores[picks])


def softmax_bald(view: PoolView, n: int, rng: np.random.Generator, config: Coldness) -> Selection:
    """The largest U + Gumbel(0, 1 / coldness): sampling without replacement from softmax(coldness * U).

    Source: Kirsch et al. 2023 (Stochastic Batch Acquisition, arXiv 2106.12059), softmax form.
    """
    scores = u.bald(view.logits)
    return _perturbed(scores, scores, config.coldness, n, rng)


def softrank_bald(view: PoolView, n: int, rng: np.random.Generator, config: Coldness) -> Selection:
    """The largest -log rank(U) + Gumbel(0, 1 / coldness), rank 1 being the most uncertain.

    Source: Kirsch et al. 2023 (arXiv 2106.12059), soft-rank form.
    """
    scores = u.bald(view.logits)
    rank = np.empty(len(scores))
    rank[top(scores, len(scores), rng)] = np.arange(1, len(scores) + 1)
    return _perturbed(-np.log(rank), scores, config.coldness, n, rng)


def power_bald(view: PoolView, n: int, rng: np.random.Generator, config: PowerBald) -> Selection:
    """The largest log(U + offset) + Gumbel(0, 1 / coldness of the round): sampling in proportion to U^coldness.

    Source: Kirsch et al. 2023 (arXiv 2106.12059), power form with offset 0; BAL-PM's code adds 1e-5.
    """
    scores = u.bald(view.logits)
    with np.errstate(divide="ignore"):
        logs = np.log(scores + config.offset)
    return _perturbed(logs, scores, coldness(config, view.round), n, rng)


def coldness(config: PowerBald, round_: int) -> float:
    """Coldness of a round, from 1.

    `geometric`: coldness * growth^(r - 1). `linear`: from coldness in the first round to final_coldness
    after annealing_rounds further ones, and from there on constant.

    Source: the linear form is BAL-PM's code's, 0.25 to 8 over 50 rounds.
    """
    if config.annealing == "geometric":
        return config.coldness * config.growth ** (round_ - 1)
    done = min(1.0, (round_ - 1) / config.annealing_rounds)
    return config.coldness + (config.final_coldness - config.coldness) * done


def _perturbed(
    scores: np.ndarray, uncertainty: np.ndarray, coldness: float, n: int, rng: np.random.Generator
) -> Selection:
    noisy = scores + rng.gumbel(scale=1.0 / coldness, size=len(scores))
    picks = top(noisy, n, rng)
    return Selection(picks, noisy[picks], uncertainty=uncertainty[picks])


POLICIES = {
    "random": BatchPolicy(random, Random, by_chance=True),
    "entropy": BatchPolicy(entropy, NoParameters),
    "variance": BatchPolicy(variance, NoParameters),
    "bald": BatchPolicy(bald, NoParameters),
    "softmax_bald": BatchPolicy(softmax_bald, Coldness),
    "softrank_bald": BatchPolicy(softrank_bald, Coldness),
    "power_bald": BatchPolicy(power_bald, PowerBald),
}
