"""Softmax within prompts of unequal numbers of completions."""

from __future__ import annotations

import numpy as np

from prefloop.acquisition.segments import Segments


def log_softmax(logits: np.ndarray, prompts: Segments) -> np.ndarray:
    """Logits [n] minus the logarithm of the sum of their exponentials over their run."""
    shifted = logits - prompts.spread(prompts.max(logits))
    return shifted - prompts.spread(np.log(np.add.reduceat(np.exp(shifted), prompts.starts)))
