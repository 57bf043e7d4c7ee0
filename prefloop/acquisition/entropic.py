"""Batch policies with prompt entropy: BAL-PM, its parts, and its public code."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from prefloop import uncertainty as u
from prefloop.acquisition.view import BatchPolicy, PoolView, Selection, require
from prefloop.entropy.greedy import GraphEntropy, NodeEntropy, greedy_batch
from prefloop.entropy.kozachenko import AcquiredEntropy
from prefloop.entropy.published import PoolEntropy
from prefloop.section import NonNegative, Positive, Section


class PromptEntropy(Section):
    """Parameters of `prompt_entropy`."""

    offset: Positive
    dimension: Positive


class BalPM(PromptEntropy):
    """Parameters of `bal_pm`."""

    beta: NonNegative


class BalPMKL(BalPM):
    """Parameters of `bal_pm_kl`."""

    k: Annotated[int, Field(ge=1)]


class BalPMPublished(BalPMKL):
    """Parameters of `bal_pm_published`."""

    standardisation: Literal["slip", "none"]


def prompt_entropy(view: PoolView, n: int, rng: np.random.Generator, config: PromptEntropy) -> Selection:
    """The largest prompt entropy h(x) = log(2 epsilon(x) + c) - psi(n(x) + 1) / d, updated pick by pick.

    Source: Melo et al. 2024, the KSG entropy term alone; needs no uncertainty model.
    """
    entropy = GraphEntropy(view.graph, view.acquired_node, n, config.offset, config.dimension)
    require(len(view), n)
    batch = greedy_batch(np.zeros(len(view)), view.node, entropy, 1.0, n)
    return Selection(batch.picks, batch.scores, entropy=batch.entropy)


def bal_pm(view: PoolView, n: int, rng: np.random.Generator, config: BalPM) -> Selection:
    """The largest U + beta * h(x): epistemic uncertainty plus prompt entropy, updated pick by pick.

    Source: Melo et al. 2024 (arXiv 2406.10023), the acquisition objective, on a fixed neighbour graph.
    """
    entropy = GraphEntropy(view.graph, view.acquired_node, n, config.offset, config.dimension)
    return _greedy(view, u.bald(view.logits), entropy, config.beta, n)


def bal_pm_kl(view: PoolView, n: int, rng: np.random.Generator, config: BalPMKL) -> Selection:
    """BAL-PM with h(x) estimated from the acquired prompts alone (Kozachenko-Leonenko).

    Source: Melo et al. 2024, ablation of the entropy estimator. O(prompts * D) a pick.
    """
    vectors = view.prompt_features[view.graph.first_prompt]
    entropy = AcquiredEntropy(vectors, view.acquired_node, config.k, config.offset, config.dimension)
    return _greedy(view, u.bald(view.logits), entropy, config.beta, n)


def bal_pm_published(view: PoolView, n: int, rng: np.random.Generator, config: BalPMPublished) -> Selection:
    """The largest U + beta * h(x) with h as in the authors' code, updated pick by pick.

    Pairs are points, the radius is measured anew each round among the candidates, and with
    `standardisation: slip` the pool is shifted away from the labels acquired before. `bal_pm` is the
    paper's objective. The vectors' index is not used: all distances are measured, O(prompts^2 * D) a round.

    Source: the public code of Melo et al. 2024 (arXiv 2406.10023); docs/maths.md, departures.
    """
    require(len(view), n)
    entropy = PoolEntropy(
        view.prompt_features[view.graph.first_prompt],
        view.node,
        view.acquired_node,
        config.k,
        config.offset,
        config.dimension,
        config.standardisation == "slip",
    )
    return _greedy(view, u.bald(view.logits), entropy, config.beta, n)


def _greedy(view: PoolView, uncertainty: np.ndarray, entropy: NodeEntropy, beta: float, n: int) -> Selection:
    require(len(view), n)
    batch = greedy_batch(uncertainty, view.node, entropy, beta, n)
    return Selection(batch.picks, batch.scores, batch.uncertainty, batch.entropy)


POLICIES = {
    "prompt_entropy": BatchPolicy(prompt_entropy, PromptEntropy),
    "bal_pm": BatchPolicy(bal_pm, BalPM),
    "bal_pm_kl": BatchPolicy(bal_pm_kl, BalPMKL),
    "bal_pm_published": BatchPolicy(bal_pm_published, BalPMPublished),
}
