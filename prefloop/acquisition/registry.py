"""The batch policies by the names they have in params.yaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from prefloop.acquisition import entropic, geometric, scores
from prefloop.acquisition.view import PoolView, Selection

BATCH_POLICIES: dict[str, Callable[[PoolView, int, np.random.Generator, Any], Selection]] = {
    "random": scores.random,
    "entropy": scores.entropy,
    "variance": scores.variance,
    "bald": scores.bald,
    "softmax_bald": scores.softmax_bald,
    "softrank_bald": scores.softrank_bald,
    "power_bald": scores.power_bald,
    "prompt_entropy": entropic.prompt_entropy,
    "bal_pm": entropic.bal_pm,
    "bal_pm_kl": entropic.bal_pm_kl,
    "k_centre": geometric.k_centre,
    "d_optimal": geometric.d_optimal,
}
