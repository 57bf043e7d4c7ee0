"""One temperature for all members, fitted on comparisons that no member has trained on."""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar

from prefloop.reward.batched import BatchedMLP
from prefloop.reward.training import TrainingSet

_LOG_BOUNDS = (-4.0, 4.0)


def fit_temperature(network: BatchedMLP, data: TrainingSet) -> float:
    """Find T that minimises the weighted mean of -log sigma((r_winner - r_loser) / T) on held-out pairs.

    Each member is asked about its own held-out pairs only, so none is judged on what it learnt.

    Returns:
        T > 0, between e^-4 and e^4.

    Source: temperature scaling, Guo et al. 2017 (arXiv 1706.04599), for Bradley-Terry logits.
    """
    won = network.rewards(data.stop_winners[data.held_out])
    lost = network.rewards(data.stop_losers[data.held_out])
    margins = (won - lost)[data.is_held_out].double().cpu().numpy()
    weight = data.stop_weight[data.held_out][data.is_held_out].double().cpu().numpy()
    found = minimize_scalar(
        lambda log_t: float(np.average(np.logaddexp(0.0, -margins * np.exp(-log_t)), weights=weight)),
        bounds=_LOG_BOUNDS,
        method="bounded",
    )
    return float(np.exp(found.x))
