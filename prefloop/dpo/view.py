"""Acquisition rules of active DPO: what one may ask for in a round, and how it is registered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from prefloop.section import Section

# Over-generation of pairs (G) and over-sampling of prompts (E).
Factor = Annotated[int, Field(ge=1, le=1024)]


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


class RuleParameters(Section):
    """What all rules have: the key that chooses one."""

    rule: str


@dataclass(frozen=True)
class DpoRule:
    """An acquisition rule of active DPO as the registry holds it.

    Attributes:
        choose: chooses at most m pairs of those that the view lets it write, with random numbers from the
            generator alone.
        parameters: the class of its last argument, the keys of a policy in dpo/params.yaml after `rule`.
    """

    choose: Callable[[RoundView, int, np.random.Generator, Any], OnPolicyPairs]
    parameters: type[Section]
