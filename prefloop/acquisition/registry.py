"""The batch policies and the pair rules by the names they have in params.yaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from prefloop.acquisition import balanced, entropic, geometric, published, rules, scores, thompson
from prefloop.acquisition.slate import Slate
from prefloop.acquisition.view import PoolView, Selection

BATCH_POLICIES: dict[str, Callable[[PoolView, int, np.random.Generator, Any], Selection]] = {
    "random": scores.random,
    "random_prompts": balanced.random_prompts,
    "thinned": balanced.thinned,
    "thinned_power": balanced.thinned_power,
    "entropy": scores.entropy,
    "variance": scores.variance,
    "bald": scores.bald,
    "softmax_bald": scores.softmax_bald,
    "softrank_bald": scores.softrank_bald,
    "power_bald": scores.power_bald,
    "prompt_entropy": entropic.prompt_entropy,
    "bal_pm": entropic.bal_pm,
    "bal_pm_kl": entropic.bal_pm_kl,
    "bal_pm_published": published.bal_pm_published,
    "k_centre": geometric.k_centre,
    "d_optimal": geometric.d_optimal,
}

# `given` and `auto` offer listed pairs as they are; where they must choose one, they choose at random.
PAIR_RULES: dict[str, Callable[[Slate, Any], np.ndarray]] = {
    "given": rules.random,
    "auto": rules.random,
    "random": rules.random,
    "longest": rules.longest,
    "maxmin": rules.maxmin,
    "fixed_pair": rules.fixed_pair,
    "ultrafeedback": rules.ultrafeedback,
    "infomax": rules.infomax,
    "dts": thompson.dts,
    "infogain": thompson.infogain,
    "maxminlcb": rules.maxminlcb,
    "rucb": rules.rucb,
    "drts": thompson.drts,
    "deltaucb": rules.deltaucb,
    "deltaquantile": rules.deltaquantile,
    "greedy": rules.greedy,
    "shuffled_sigma": rules.shuffled_sigma,
}
