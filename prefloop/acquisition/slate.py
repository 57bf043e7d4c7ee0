"""What a pair rule sees of some prompts: responses, predictions, and the pairs that may still be chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from prefloop.acquisition.segments import Segments


class ThompsonConfig(Protocol):
    """Parameters of a rule with Thompson draws."""

    @property
    def draws(self) -> Literal["member", "noise"]:
        """One member's rewards, or the mean with scaled uniform noise."""

    @property
    def beta(self) -> float:
        """Scale of the noise."""


@dataclass(frozen=True)
class Free:
    """The pairs that may be chosen, each in both directions (i, j) and (j, i).

    Axis letters: G prompts, K their responses one behind the other (as many as each prompt has),
    E ordered pairs, sorted by first, then second.

    Attributes:
        first, second: int [E], positions among the K responses; never equal.
        by_prompt: runs of E, one per prompt; each prompt has at least one pair.
        by_first: runs of E, one per response that has a pair.
        responses: int [F], that response, position among K.
        of_prompt: runs of F, one per prompt.
    """

    first: np.ndarray
    second: np.ndarray
    by_prompt: Segments
    by_first: Segments
    responses: np.ndarray
    of_prompt: Segments


@dataclass(frozen=True)
class Slate:
    """Some prompts of the pool in one round, as a pair rule sees them; no answer is in it.

    Attributes:
        free: the pairs to choose from.
        by_prompt: runs of the K responses, one per prompt.
        predict: gives float32 [M, K], members' rewards; called once, on demand.
        characters: gives int [K], lengths of the responses' texts.
        strength: gives float64 [K], strength of the model that wrote each response (see fixed_pair).
        judge: gives float64 [K], the judge's scores; only rules marked as an oracle ceiling call it.
        uniform: gives float64 [G] in [0, 1), the n-th random numbers of the prompts.
        member: gives float64 [G] in [0, 1), the n-th random numbers that choose a member for a prompt.
        noise: gives float64 [K] in [0, 1), the n-th random numbers of the responses.
        draw: gives float64 [K], the n-th Thompson draws, or None: they are sampled.
    """

    free: Free
    by_prompt: Segments
    predict: Callable[[], np.ndarray]
    characters: Callable[[], np.ndarray]
    strength: Callable[[], np.ndarray]
    judge: Callable[[], np.ndarray]
    uniform: Callable[[int], np.ndarray]
    member: Callable[[int], np.ndarray]
    noise: Callable[[int], np.ndarray]
    draw: Callable[[int], np.ndarray] | None = None

    @cached_property
    def rewards(self) -> np.ndarray:
        """float64 [M, K]."""
        return self.predict().astype(np.float64)

    @cached_property
    def mean(self) -> np.ndarray:
        """float64 [K], mean reward over members."""
        return self.rewards.mean(axis=0)

    @cached_property
    def deviation(self) -> np.ndarray:
        """float64 [K], unbiased standard deviation over members."""
        return self.rewards.std(axis=0, ddof=1)

    def bounds(self, beta: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds mean -+ beta * deviation, float64 [K] each."""
        width = beta * self.deviation
        return self.mean - width, self.mean + width

    def thompson(self, number: int, config: ThompsonConfig) -> np.ndarray:
        """The number-th Thompson draw of every response, float64 [K].

        `member`: one member's rewards, drawn anew per prompt: a sample from the ensemble's posterior.
        `noise`: mean + beta * z * deviation with z uniform in [-1, 1) per response, the authors' code's.
        """
        if self.draw is not None:
            return self.draw(number)
        if config.draws == "member":
            members = (self.member(number) * len(self.rewards)).astype(np.int64)
            return self.rewards[self.by_prompt.spread(members), np.arange(self.rewards.shape[1])]
        return self.mean + config.beta * (2 * self.noise(number) - 1) * self.deviation

    def order(self, keys: np.ndarray) -> np.ndarray:
        """Positions int64 [K] sorted by prompt, then by a key [K]."""
        prompt = self.by_prompt.spread(np.arange(len(self.by_prompt.counts)))
        return np.lexsort((keys, prompt))
