"""The acquisition rules of active DPO by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from prefloop.dpo import designs, rules
from prefloop.dpo.view import OnPolicyPairs, RoundView

RULES: dict[str, Callable[[RoundView, int, np.random.Generator, Any], OnPolicyPairs]] = {
    "random": rules.random,
    "offline": rules.offline,
    "entropy": rules.entropy,
    "certainty": rules.certain,
    "least_certain": rules.least_certain,
    "hybrid": rules.hybrid,
    "random_compute_matched": rules.random_compute_matched,
    "diverse_certainty": designs.diverse_certainty,
    "d_optimal": designs.d_optimal,
}
