"""Batches of texts, fixed by the lengths alone, before any cache is read."""

from __future__ import annotations

import numpy as np


def plan(lengths: np.ndarray, batch_size: int) -> list[np.ndarray]:
    """Divide texts into batches of like length, the longest first.

    Sorting keeps padding small. The longest come first so that a lack of memory shows at once and the
    estimate of the time left errs on the safe side.

    Args:
        lengths: int [n], tokens per text.
        batch_size: texts per batch, >= 1.

    Returns:
        Disjoint index arrays (int64) that cover range(n); equal lengths keep their order.
    """
    order = np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable")
    return [order[first : first + batch_size] for first in range(0, len(order), batch_size)]
