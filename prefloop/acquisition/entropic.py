"""Batch policies with prompt entropy: BAL-PM and its parts."""

from __future__ import annotations

import numpy as np

from prefloop import uncertainty as u
from prefloop.acquisition.ranking import require
from prefloop.acquisition.view import PoolView, Selection
from prefloop.config import policies as params
from prefloop.entropy.greedy import GraphEntropy, NodeEntropy, greedy_batch
from prefloop.entropy.kozachenko import AcquiredEntropy


def prompt_entropy(view: PoolView, n: int, rng: np.random.Generator, config: params.PromptEntropy) -> Selection:
    """The largest prompt entropy h(x) = log(2 epsilon(x) + c) - psi(n(x) + 1) / d, updated pick by pick.

    Source: Melo et al. 2024, the KSG entropy term alone; needs no reward model.
    """
    entropy = GraphEntropy(view.graph, view.acquired_node, n, config.offset, config.dimension)
    require(len(view), n)
    batch = greedy_batch(np.zeros(len(view)), view.node, entropy, 1.0, n)
    return Selection(batch.picks, batch.scores, entropy=batch.entropy)


def bal_pm(view: PoolView, n: int, rng: np.random.Generator, config: params.BalPM) -> Selection:
    """The largest U + beta * h(x): epistemic uncertainty plus prompt entropy, updated pick by pick.

    Source: Melo et al. 2024 (arXiv 2406.10023), the acquisition objective, on a fixed neighbour graph.
    """
    entropy = GraphEntropy(view.graph, view.acquired_node, n, config.offset, config.dimension)
    return _greedy(view, u.bald(view.logits), entropy, config.beta, n)


def bal_pm_kl(view: PoolView, n: int, rng: np.random.Generator, config: params.BalPMKL) -> Selection:
    """BAL-PM with h(x) estimated from the acquired prompts alone (Kozachenko-Leonenko).

    Source: Melo et al. 2024, ablation of the entropy estimator. O(prompts * D) a pick.
    """
    vectors = view.prompt_features[view.graph.first_prompt]
    entropy = AcquiredEntropy(vectors, view.acquired_node, config.k, config.offset, config.dimension)
    return _greedy(view, u.bald(view.logits), entropy, config.beta, n)


def _greedy(view: PoolView, uncertainty: np.ndarray, entropy: NodeEntropy, beta: float, n: int) -> Selection:
    require(len(view), n)
    batch = greedy_batch(uncertainty, view.node, entropy, beta, n)
    return Selection(batch.picks, batch.scores, batch.uncertainty, batch.entropy)
