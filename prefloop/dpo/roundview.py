"""View of a round, filled by the policy as rules ask."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from prefloop.dpo.asking import LabelledPair
from prefloop.dpo.directions import sketched_gradients
from prefloop.dpo.language_model import LanguageModel
from prefloop.dpo.problem import Problem
from prefloop.dpo.view import OnPolicyPairs, RoundView
from prefloop.dpo.writing import EntropySampler, PairWriter, WrittenPair
from prefloop.rng import Stream, generator

Sketches = dict[tuple[int, WrittenPair], np.ndarray]


class RoundDesk:
    """Everything that is written in one round.

    Args:
        problem: prompts, the reference, settings.
        policy: the current policy.
        beta: DPO's beta.
        labelled: labels so far.
        asked: prompts asked about so far; the caller adds to it.
        sketches: directions of labelled pairs that were computed before, by size and pair; grows.
        seed, number: run and round.
    """

    def __init__(
        self,
        problem: Problem,
        policy: LanguageModel,
        beta: float,
        labelled: Sequence[LabelledPair],
        asked: set[int],
        sketches: Sketches,
        seed: int,
        number: int,
    ) -> None:
        self._problem, self._asked = problem, asked
        self._sketches = sketches
        self._labelled = [label.pair for label in labelled]
        self._rng = partial(generator, seed, number, Stream.PROMPTS)
        self._own = PairWriter(problem, policy, policy, seed=seed, round_=number)
        self._old = PairWriter(problem, problem.reference, policy, seed=seed, round_=0)
        self._entropy = EntropySampler(problem, policy, seed=seed, round_=number)
        self.view = RoundView(
            draw=self._draw,
            samples=self._entropy,
            write=self._own,
            write_by_reference=self._write_by_reference,
            directions=self._directions,
            labelled_directions=self._labelled_directions,
            beta=beta,
        )

    @property
    def written(self) -> int:
        """Completions written for pairs."""
        return self._own.written + self._old.written

    @property
    def sampled(self) -> int:
        """Completions written for the entropy."""
        return self._entropy.written

    @property
    def dropped(self) -> int:
        """Prompts on which the author only repeated itself."""
        return len(self._own.dropped | self._old.dropped)

    def pair(self, row: int) -> WrittenPair:
        """The pair of a row: the reference's stand below zero."""
        return self._own.pairs[row] if row >= 0 else self._old.pairs[-row - 1]

    def _draw(self, count: int) -> np.ndarray:
        # One order for all policies of a seed, less what the run has used: they are compared on like prompts.
        gone = self._asked | self._own.dropped | self._old.dropped
        order = self._rng().permutation(np.array(self._problem.prompts.pool, dtype=np.int64))
        left = [number for number in order.tolist() if number not in gone]
        return np.array(left[:count], dtype=np.int64)

    def _write_by_reference(self, prompts: np.ndarray) -> OnPolicyPairs:
        pairs = self._old(prompts)
        return OnPolicyPairs(pairs.prompt, pairs.log_policy, pairs.log_reference, -pairs.row - 1)

    def _directions(self, pairs: OnPolicyPairs, size: int) -> np.ndarray:
        return self._sketch([self.pair(row) for row in pairs.row.tolist()], size)

    def _labelled_directions(self, size: int) -> np.ndarray:
        return self._sketch(self._labelled, size)

    def _sketch(self, pairs: Sequence[WrittenPair], size: int) -> np.ndarray:
        new = [pair for pair in pairs if (size, pair) not in self._sketches]
        if new:
            problem = self._problem
            gradients = sketched_gradients(
                problem.reference.model,
                [problem.tokens[pair.prompt] for pair in new for _ in range(2)],
                [tokens for pair in new for tokens in pair.completions],
                size,
                problem.sampling.batch_size,
            )
            for pair, direction in zip(new, gradients[0::2] - gradients[1::2], strict=True):
                self._sketches[size, pair] = direction
        return np.array([self._sketches[size, pair] for pair in pairs]).reshape(-1, size)

    def add_label(self, pair: WrittenPair) -> None:
        """Count a pair among the labelled ones, for the choice of what replaces unanswered ones."""
        self._labelled.append(pair)

    def forget_all_but(self, labelled: Sequence[LabelledPair]) -> None:
        """Keep the directions of labelled pairs alone: no other will be asked for again."""
        kept = {label.pair for label in labelled}
        for key in [key for key in self._sketches if key[1] not in kept]:
            del self._sketches[key]
