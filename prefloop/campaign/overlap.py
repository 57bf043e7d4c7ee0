"""Overlap: how many people are asked about a pair, by a hash of its id."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from prefloop.config.model import Campaign
from prefloop.io.hashing import unit_interval


def people_wanted(config: Campaign, pairs: Sequence[str]) -> np.ndarray:
    """People who are asked about each pair in all, int32 [n]: `annotators_per_pair` for a share of them, else 1.

    Which pairs is fixed by seed and pair id, whatever the order, the round and the labels.

    Args:
        config: section `campaign`.
        pairs: pair ids.
    """
    several = [unit_interval("overlap", str(config.seed), pair) < config.overlap for pair in pairs]
    return np.where(several, config.annotators_per_pair, 1).astype(np.int32)
