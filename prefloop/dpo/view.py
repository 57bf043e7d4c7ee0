"""Interface of the acquisition rules: what one may ask for in a round; no verdict is in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class OnPolicyPairs:
    """Pairs of completions that one policy wrote, one per prompt.

    Attributes:
        prompt: int64 [n], prompt numbers, distinct.
        log_policy, log_reference: float64 [n, 2], nats, of the two completions.
        row: int64 [n], where the completions are kept.
    """

    prompt: np.ndarray
    log_policy: np.ndarray
    log_reference: np.ndarray
    row: np.ndarray

    def __len__(self) -> int:
        return len(self.prompt)

    def take(self, rows: np.ndarray) -> OnPolicyPairs:
        """The pairs at some positions."""
        return OnPolicyPairs(self.prompt[rows], self.log_policy[rows], self.log_reference[rows], self.row[rows])


@dataclass(frozen=True)
class RoundView:
    """One round as a rule sees it: it draws prompts, and the policy writes on demand.

    Attributes:
        draw: gives n distinct prompt numbers that no oracle was asked about, in random order; fewer when
            there are no more.
        samples: (prompts [Q], s) gives float64 [Q, s], log pi of fresh samples at temperature 1.
        write: gives one pair of completions by the current policy for each prompt; prompts on which
            it only repeats itself drop out.
        write_by_reference: the same by the reference, the same pairs in whatever round it is asked for.
        directions: (pairs, size) gives float64 [n, size], for each pair the difference of its completions'
            log-probability gradients at the reference's last layer, sketched to `size` numbers.
        labelled_directions: (size) gives the same of the pairs that have a label, float64 [A, size].
        beta: DPO's beta, > 0.
    """

    draw: Callable[[int], np.ndarray]
    samples: Callable[[np.ndarray, int], np.ndarray]
    write: Callable[[np.ndarray], OnPolicyPairs]
    write_by_reference: Callable[[np.ndarray], OnPolicyPairs]
    directions: Callable[[OnPolicyPairs, int], np.ndarray]
    labelled_directions: Callable[[int], np.ndarray]
    beta: float
