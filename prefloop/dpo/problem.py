"""Problem that every run shares: prompts as tokens, the reference, and the sampling of completions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from prefloop.dpo.config import Sampling
from prefloop.dpo.language_model import LanguageModel, encode_prompts
from prefloop.dpo.logprobs import completion_logprobs, stepwise_divergence
from prefloop.dpo.prompt_set import PromptSet
from prefloop.dpo.sampling import Completion, Draw, Request, Sampler, sample
from prefloop.rng import Stream

Key = tuple[int, ...]


@dataclass(frozen=True)
class Problem:
    """Prompts, the reference and the settings of sampling; no verdict is in it.

    Attributes:
        prompts: texts and splits; a prompt's number is its row.
        tokens: token ids of each prompt.
        reference: the start model; its weights never change.
        sampling: section `sampling`.
        sampler: what writes completions.
    """

    prompts: PromptSet
    tokens: Sequence[tuple[int, ...]]
    reference: LanguageModel
    sampling: Sampling
    sampler: Sampler

    def write(
        self,
        author: LanguageModel,
        keys: Sequence[Key],
        seed: int,
        round_: int,
        stream: Stream,
        temperature: float,
    ) -> list[Completion]:
        """Completions by `author`, one per key; a key's first number is the prompt's."""
        draw = Draw(seed, round_, stream, temperature, self.sampling.max_new_tokens)
        requests = [Request(self.tokens[key[0]], key) for key in keys]
        return self.sampler(author.model, requests, draw, end=author.end, batch_size=self.sampling.batch_size)

    def log_probs(
        self, language_model: LanguageModel, prompts: Sequence[int], completions: Sequence[tuple[int, ...]]
    ) -> np.ndarray:
        """log pi of completions under a model, float64 [n], nats."""
        encoded = [self.tokens[number] for number in prompts]
        return completion_logprobs(language_model.model, encoded, completions, self.sampling.batch_size)

    def divergence(
        self, author: LanguageModel, prompts: Sequence[int], completions: Sequence[tuple[int, ...]]
    ) -> np.ndarray:
        """KL divergence from the reference along what the author wrote at temperature 1, float64 [n], nats."""
        if author.model is self.reference.model:
            return np.zeros(len(completions))
        encoded = [self.tokens[number] for number in prompts]
        return stepwise_divergence(
            author.model, self.reference.model, encoded, completions, self.sampling.batch_size
        )

    def text(self, tokens: tuple[int, ...]) -> str:
        """What an oracle reads of a completion."""
        return self.reference.decode(tokens)


def make_problem(prompts: PromptSet, reference: LanguageModel, sampling: Sampling) -> Problem:
    """Encode the prompts.

    Raises:
        DataError: a prompt that leaves no room for a completion.
    """
    tokens = encode_prompts(reference, prompts.turns, sampling.max_new_tokens)
    return Problem(prompts, tokens, reference, sampling, sample)
