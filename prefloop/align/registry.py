"""The acquisition rules of active DPO by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from prefloop.align import rules
from prefloop.align.rules import Oversampling
from prefloop.align.view import OnPolicyPairs, RoundView

RULES: dict[str, Callable[[RoundView, int, np.random.Generator, Oversampling], OnPolicyPairs]] = {
    "random": rules.random,
    "offline": rules.offline,
    "entropy": rules.entropy,
    "certainty": rules.certain,
    "least_certain": rules.least_certain,
    "hybrid": rules.hybrid,
    "random_compute_matched": rules.random_compute_matched,
}
