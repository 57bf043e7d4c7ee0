"""BAL-PM's batch policy as its authors' public code runs it, kept beside the paper's for comparison."""

from __future__ import annotations

import numpy as np

from prefloop import uncertainty as u
from prefloop.acquisition.ranking import require
from prefloop.acquisition.view import PoolView, Selection
from prefloop.config import policies as params
from prefloop.entropy.greedy import greedy_batch
from prefloop.entropy.published import PoolEntropy


def bal_pm_published(view: PoolView, n: int, rng: np.random.Generator, config: params.BalPMPublished) -> Selection:
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
    batch = greedy_batch(u.bald(view.logits), view.node, entropy, config.beta, n)
    return Selection(batch.picks, batch.scores, batch.uncertainty, batch.entropy)
