"""What a batch policy may see, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from prefloop.data.pairs import Pairs
from prefloop.io.rows import Vectors
from prefloop.neighbours.graph import NeighbourGraph


@dataclass(frozen=True)
class PoolView:
    """The pool as a policy sees it in one round: candidates and predictions, no answers.

    Axis letters: N candidate pairs, A acquired pairs, M members, C completions, Q prompts; the
    pool's completions are the first C_pool rows of all.

    Attributes:
        prompt: int64 [N], prompt rows of the candidate pairs.
        form: gives the candidate pairs, all still unlabelled; called once, on demand.
        acquired_a, acquired_b, acquired_prompt: int64 [A], what was acquired before.
        predict: gives float32 [M, C_pool], members' rewards; called once, on demand.
        last_layer: gives float32 [C_pool, H], features in which rewards are linear; on demand.
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
    predict: Callable[[], np.ndarray]
    last_layer: Callable[[], np.ndarray]
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

    @cached_property
    def rewards(self) -> np.ndarray:
        """float32 [M, C_pool], members' rewards of the pool's completions."""
        return self.predict()

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
