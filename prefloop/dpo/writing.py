"""Completions of one round: written on demand, scored once, kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefloop.dpo.language_model import LanguageModel
from prefloop.dpo.problem import Problem
from prefloop.dpo.sampling import Completion
from prefloop.dpo.view import OnPolicyPairs
from prefloop.rng import Stream


@dataclass(frozen=True)
class WrittenPair:
    """Two completions of one prompt.

    Attributes:
        prompt: the prompt's number.
        completions: token ids of both; their texts differ.
        log_policy, log_reference: nats, of both.
    """

    prompt: int
    completions: tuple[tuple[int, ...], tuple[int, ...]]
    log_policy: tuple[float, float]
    log_reference: tuple[float, float]


class PairWriter:
    """Writes one pair per prompt, and no prompt twice.

    Args:
        problem: prompts and settings.
        author: who writes.
        policy: the current policy, for log pi.
        seed, round_: key of the random numbers; the reference's own pairs are always of round 0.
    """

    def __init__(
        self, problem: Problem, author: LanguageModel, policy: LanguageModel, *, seed: int, round_: int
    ) -> None:
        self._problem, self._author, self._policy = problem, author, policy
        self._seed, self._round = seed, round_
        self._row_of: dict[int, int] = {}
        self.pairs: list[WrittenPair] = []
        self.dropped: set[int] = set()
        self.written = 0

    def __call__(self, prompts: np.ndarray) -> OnPolicyPairs:
        """A pair for each prompt, in their order, less those on which the author only repeats itself."""
        new = [n for n in prompts.tolist() if n not in self._row_of and n not in self.dropped]
        if new:
            self._write(new)
        kept = [n for n in prompts.tolist() if n in self._row_of]
        rows = np.array([self._row_of[n] for n in kept], dtype=np.int64)
        pairs = [self.pairs[row] for row in rows]
        return OnPolicyPairs(
            prompt=np.array(kept, dtype=np.int64),
            log_policy=np.array([p.log_policy for p in pairs], dtype=np.float64).reshape(-1, 2),
            log_reference=np.array([p.log_reference for p in pairs], dtype=np.float64).reshape(-1, 2),
            row=rows,
        )

    def _write(self, prompts: list[int]) -> None:
        pairs = self._different(prompts)
        self.dropped |= set(prompts) - pairs.keys()
        flat = [completion for pair in pairs.values() for completion in pair]
        numbers = [n for n in pairs for _ in range(2)]
        log_policy = self._log_probs(self._policy, numbers, flat)
        log_reference = self._log_probs(self._reference, numbers, flat)
        for position, (number, (a, b)) in enumerate(pairs.items()):
            rows = slice(2 * position, 2 * position + 2)
            self._row_of[number] = len(self.pairs)
            self.pairs.append(
                WrittenPair(number, (a.tokens, b.tokens), _two(log_policy[rows]), _two(log_reference[rows]))
            )

    def _different(self, prompts: list[int]) -> dict[int, tuple[Completion, Completion]]:
        """The first two completions of each prompt whose texts differ, within `sampling.attempts`."""
        different: dict[int, tuple[Completion, Completion]] = {}
        first: dict[int, Completion] = {}
        waiting = prompts
        for attempt in range(self._problem.sampling.attempts):
            # Two at first, one more for whoever repeated itself.
            samples = (0, 1) if attempt == 0 else (attempt + 1,)
            keys = [(n, s) for n in waiting for s in samples]
            temperature = self._problem.sampling.temperature
            wrote = self._problem.write(self._author, keys, self._seed, self._round, Stream.GENERATE, temperature)
            self.written += len(wrote)
            for (number, _), completion in zip(keys, wrote, strict=True):
                earlier = first.setdefault(number, completion)
                if number not in different and self._text(earlier) != self._text(completion):
                    different[number] = (earlier, completion)
            waiting = [n for n in waiting if n not in different]
            if not waiting:
                break
        return {n: different[n] for n in prompts if n in different}

    @property
    def _reference(self) -> LanguageModel:
        return self._problem.reference

    def _log_probs(
        self, language_model: LanguageModel, numbers: list[int], completions: Sequence[Completion]
    ) -> np.ndarray:
        # The author's come with the completions. So does a policy that still is the reference get the
        # very same numbers twice, and its margins are exactly 0.
        if language_model.model is self._author.model:
            return np.array([completion.log_prob for completion in completions])
        return self._problem.log_probs(language_model, numbers, [completion.tokens for completion in completions])

    def _text(self, completion: Completion) -> str:
        return self._problem.text(completion.tokens)


def _two(values: np.ndarray) -> tuple[float, float]:
    first, second = values.tolist()
    return first, second


class EntropySampler:
    """log pi of fresh samples at temperature 1, for the entropy of a prompt; none twice."""

    def __init__(self, problem: Problem, policy: LanguageModel, *, seed: int, round_: int) -> None:
        self._problem, self._policy, self._seed, self._round = problem, policy, seed, round_
        self._kept: dict[tuple[int, int], np.ndarray] = {}
        self.written = 0

    def __call__(self, prompts: np.ndarray, count: int) -> np.ndarray:
        """Float64 [Q, count], nats."""
        new = [n for n in prompts.tolist() if (n, count) not in self._kept]
        keys = [(n, s) for n in new for s in range(count)]
        wrote = (
            self._problem.write(self._policy, keys, self._seed, self._round, Stream.ENTROPY, 1.0) if new else []
        )
        self.written += len(wrote)
        logs = np.array([completion.log_prob for completion in wrote]).reshape(-1, count)
        self._kept |= {(n, count): row for n, row in zip(new, logs, strict=True)}
        return np.array([self._kept[n, count] for n in prompts.tolist()]).reshape(-1, count)
