"""Interface of pair rules: the responses in view, random numbers, and registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel, Field

from prefloop import uncertainty as u
from prefloop.acquisition.free_pairs import FreePairs
from prefloop.acquisition.segments import Segments
from prefloop.rng import Stream, seed_sequence
from prefloop.section import Section


class ThompsonConfig(Protocol):
    """Parameters of a rule with Thompson draws."""

    @property
    def draws(self) -> Literal["member", "noise"]:
        """One member's rewards, or the mean with scaled uniform noise."""

    @property
    def beta(self) -> float:
        """Scale of the noise."""


@dataclass(frozen=True)
class Draws:
    """The random numbers of a round's pair rule by pool row: a prompt's depend on no other prompt.

    Attributes:
        seed: the run's seed.
        round: the round.
        control: whether they belong to the control policy, which draws everything anew.
    """

    seed: int
    round: int
    control: bool

    def prompts(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The number-th random number, float64 in [0, 1), of each prompt row."""
        return self._at(1, number, rows)

    def members(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The number-th random number, float64 in [0, 1), that chooses a member for each prompt row."""
        return self._at(3, number, rows)

    def responses(self, number: int, rows: np.ndarray) -> np.ndarray:
        """The number-th random number, float64 in [0, 1), of each completion row."""
        return self._at(2, number, rows)

    def _at(self, kind: int, number: int, rows: np.ndarray) -> np.ndarray:
        # Row r has the r-th number of one stream; PCG64 jumps to the first row that is asked for.
        keys = (1 + self.control, kind, 1 + number)
        bits = np.random.PCG64(seed_sequence(self.seed, self.round, Stream.PAIR_RULE, *keys))
        first = int(rows.min())
        bits.advance(first)
        return np.random.Generator(bits).random(int(rows.max()) - first + 1)[rows - first]


@dataclass(frozen=True)
class ResponsesView:
    """Some prompts of the pool in one round, as a pair rule sees them; no answer is in it.

    Attributes:
        free: the free pairs, those to choose from.
        by_prompt: runs of the K responses, one per prompt.
        predict: gives float32 [M, K], members' rewards; called once, on demand.
        characters: gives int [K], lengths of the responses' texts.
        strength: gives float64 [K], strength of the model that wrote each response (see fixed_pair).
        judge: gives float64 [K], the judge's scores; only rules marked as an oracle upper bound call it.
        uniform: gives float64 [G] in [0, 1), the n-th random numbers of the prompts.
        member: gives float64 [G] in [0, 1), the n-th random numbers that choose a member for a prompt.
        noise: gives float64 [K] in [0, 1), the n-th random numbers of the responses.
        draw: gives float64 [K], the n-th Thompson draws, or None: they are sampled.
    """

    free: FreePairs
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
        return u.deviation(self.rewards)

    def bounds(self, beta: float) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper bounds mean -+ beta * deviation, float64 [K] each."""
        width = beta * self.deviation
        return self.mean - width, self.mean + width

    def thompson(self, number: int, config: ThompsonConfig) -> np.ndarray:
        """The number-th Thompson draw of every response, float64 [K].

        `member`: one member's rewards, drawn anew per prompt: a sample from the uncertainty model's posterior.
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


class PairParameters(Section):
    """Key `pairs` of a named policy: the pair rule's name and limit; its own parameters come after them."""

    rule: str
    per_prompt: Annotated[int, Field(ge=1)] | Literal["auto", "unlimited"]


@dataclass(frozen=True)
class PairRule:
    """A pair rule as the registry holds it.

    Attributes:
        choose: gives one position in the view's free pairs per prompt, int64 [G].
        parameters: the class of its last argument, the keys of params.yaml after `rule` and `per_prompt`.
        by_chance: whether it looks at nothing but random numbers.
        reads_judge: whether it reads the judge's scores of all responses: an upper bound for simulated runs, never
            for a campaign.
    """

    choose: Callable[[ResponsesView, Any], np.ndarray]
    parameters: type[BaseModel]
    by_chance: bool = False
    reads_judge: bool = False
