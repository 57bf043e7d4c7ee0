"""Interface of batch policies: the pool in view, the result, and registration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import BaseModel

from prefloop.data.pairs import Pairs
from prefloop.errors import NothingLeft, StateError
from prefloop.io.rows import Vectors
from prefloop.neighbours.graph import NeighbourGraph
from prefloop.section import Section


class Predictor(Protocol):
    """What acquisition asks of an uncertainty model."""

    def rewards(self, features: Vectors) -> np.ndarray:
        """float32 [M, C] whose differences are Bradley-Terry logits."""

    def last_layer(self, features: Vectors) -> np.ndarray:
        """float32 [C, H], features in which rewards are linear."""


class PoolRewards:
    """A model's rewards of the pool's completions: of some of them, or of all, which are then kept."""

    def __init__(self, model: Predictor, features: Vectors) -> None:
        """Compute nothing yet.

        Args:
            model: gives the rewards.
            features: float32 [C_pool, D], vectors of the pool's completions.
        """
        self._model, self._features = model, features

    @cached_property
    def all(self) -> np.ndarray:
        """float32 [M, C_pool]."""
        return self.of(slice(None))

    def of(self, rows: np.ndarray | slice) -> np.ndarray:
        """float32 [M, n] of completion rows int64 [n].

        Raises:
            StateError: a reward that is not finite.
        """
        rewards = self._model.rewards(self._features[rows])
        wrong = np.flatnonzero(~np.isfinite(rewards).all(axis=0))
        if wrong.size:
            raise StateError(
                f"the rewards of {wrong.size} of {rewards.shape[1]} pool completions are not finite: check the "
                "features (prefloop doctor), or lower the ensemble's learning_rate"
            )
        return rewards

    @cached_property
    def last_layer(self) -> np.ndarray:
        """float32 [C_pool, H], features in which rewards are linear."""
        return self._model.last_layer(self._features)


@dataclass(frozen=True)
class PoolView:
    """The pool as a policy sees it in one round: candidates and predictions, no answers.

    Axis letters: N candidate pairs, A acquired pairs, M members, C completions, Q prompts; the
    pool's completions are the first C_pool rows of all.

    Attributes:
        prompt: int64 [N], prompt rows of the candidate pairs.
        form: gives the candidate pairs, all still unlabelled; called once, on demand.
        acquired_a, acquired_b, acquired_prompt: int64 [A], what was acquired before.
        predicted: the model's rewards of the pool's completions, computed on demand.
        features: float32 [C, D], completion vectors.
        prompt_features: float32 [Q, D], prompt vectors.
        neighbours: gives the neighbour lists of the pool's prompts; called once, on demand.
        prompt_weight: float64 [Q] >= 0, how much every prompt counts in the target; mean 1 over pool prompts.
        target: what the model is for: prompts alike, pairs alike, or the prompts of a file.
        round: the round being chosen for, from 1.
        seed: the run's seed, for streams of its own.
    """

    prompt: np.ndarray
    form: Callable[[], Pairs]
    acquired_a: np.ndarray
    acquired_b: np.ndarray
    acquired_prompt: np.ndarray
    predicted: PoolRewards
    features: Vectors
    prompt_features: Vectors
    neighbours: Callable[[], NeighbourGraph]
    prompt_weight: np.ndarray
    target: Literal["prompts", "pairs", "file"]
    round: int
    seed: int

    def __len__(self) -> int:
        return len(self.prompt)

    @cached_property
    def pairs(self) -> Pairs:
        """The N candidate pairs; a policy that asks for prompts alone never forms them."""
        return self.form()

    @property
    def a(self) -> np.ndarray:
        """int64 [N], completion rows of the candidates' first members."""
        return self.pairs.a

    @property
    def b(self) -> np.ndarray:
        """int64 [N], completion rows of the candidates' second members."""
        return self.pairs.b

    @property
    def rewards(self) -> np.ndarray:
        """float32 [M, C_pool], members' rewards of the pool's completions."""
        return self.predicted.all

    @property
    def last_layer(self) -> np.ndarray:
        """float32 [C_pool, H], features in which rewards are linear."""
        return self.predicted.last_layer

    @cached_property
    def logits(self) -> np.ndarray:
        """float64 [M, N], Bradley-Terry logits of "a is preferred"."""
        return self.rewards[:, self.a].astype(np.float64) - self.rewards[:, self.b]

    @cached_property
    def graph(self) -> NeighbourGraph:
        """Neighbour lists of the pool's prompts."""
        return self.neighbours()

    @property
    def node(self) -> np.ndarray:
        """int [N], graph node of each candidate's prompt."""
        return np.asarray(self.graph.node_of_prompt)[self.prompt]

    @property
    def acquired_node(self) -> np.ndarray:
        """int [A], graph node of each acquired pair's prompt."""
        return np.asarray(self.graph.node_of_prompt)[self.acquired_prompt]


@dataclass(frozen=True)
class Selection:
    """A batch: positions in the view in the order of choice, with the score of each.

    Attributes:
        picks: int64 [B], positions in the view's candidate arrays, distinct.
        scores: float64 [B], the score each was chosen by.
        uncertainty: float64 [B], epistemic uncertainty (BALD), nats, where it is a term of the score.
        entropy: float64 [B], prompt entropy, nats, where it is a term of the score.
    """

    picks: np.ndarray
    scores: np.ndarray
    uncertainty: np.ndarray | None = None
    entropy: np.ndarray | None = None


class BatchParameters(Section):
    """Key `batch` of a named policy: the batch policy's name; its own parameters come after it."""

    policy: str


@dataclass(frozen=True)
class BatchPolicy:
    """A batch policy as the registry holds it.

    Attributes:
        choose: picks n of the view's candidates, with random numbers from the generator alone.
        parameters: the class of its last argument, the keys of params.yaml after `policy`.
        by_chance: whether it looks at neither an uncertainty model nor vectors.
    """

    choose: Callable[[PoolView, int, np.random.Generator, Any], Selection]
    parameters: type[BaseModel]
    by_chance: bool = False


def top(scores: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the n largest scores, best first; ties in random order.

    Raises:
        NothingLeft: fewer than n candidates.
    """
    require(len(scores), n)
    shuffled = rng.permutation(len(scores))
    return shuffled[np.argsort(-scores[shuffled], kind="stable")[:n]]


def require(candidates: int, wanted: int) -> None:
    """Check that `wanted` pairs can be chosen from so many candidates.

    Raises:
        NothingLeft: they cannot.
    """
    if candidates < wanted:
        raise NothingLeft(
            f"{wanted} comparisons wanted, {candidates} unlabelled ones left: ask for fewer, or add data"
        )
