"""Sampling completions whose tokens depend on their own seed alone, not on what else is in the batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers import LogitsProcessor, LogitsProcessorList

from prefloop.rng import Stream, generator


@dataclass(frozen=True)
class Request:
    """One completion to be written.

    Attributes:
        prompt: token ids of the prompt.
        key: what the completion's random numbers are keyed by, non-negative integers: the prompt's
            number and the number of the sample, say.
    """

    prompt: tuple[int, ...]
    key: tuple[int, ...]


class GumbelMax(LogitsProcessor):  # type: ignore[misc]
    """Adds each row's own Gumbel noise to its scaled logits: their argmax is a sample of the softmax.

    Source: Gumbel 1954; the Gumbel-max form of categorical sampling.
    """

    def __init__(self, rows: list[np.random.Generator], temperature: float) -> None:
        self._rows, self._temperature = rows, temperature

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores [n, V] of the next token, plus noise; greedy decoding of them samples."""
        noise = np.stack([row.gumbel(size=scores.shape[1]) for row in self._rows])
        return scores.float() / self._temperature + torch.from_numpy(noise).to(scores.device, torch.float32)


def sample(
    model: Any,
    requests: Sequence[Request],
    *,
    seed: int,
    round_: int,
    temperature: float,
    max_new_tokens: int,
    end: int,
    batch_size: int,
) -> list[tuple[int, ...]]:
    """Write completions by `generate`, prompts of one length together, so that nothing is padded.

    Args:
        model: a transformers causal language model.
        requests: what to write, in any order.
        seed: the run's seed.
        round_: the round; each draws anew.
        temperature: > 0.
        max_new_tokens: tokens of a completion at most.
        end: id of the end token; a completion holds it as its last token unless it was cut.
        batch_size: completions at once.

    Returns:
        Token ids of each completion, in the order of the requests.
    """
    by_length = defaultdict(list)
    for number, request in enumerate(requests):
        by_length[len(request.prompt)].append(number)
    result: list[tuple[int, ...]] = [()] * len(requests)
    for length in sorted(by_length):
        numbers = by_length[length]
        for start in range(0, len(numbers), batch_size):
            part = numbers[start : start + batch_size]
            rows = [generator(seed, round_, Stream.GENERATE, *(k + 1 for k in requests[n].key)) for n in part]
            prompts = torch.tensor([requests[n].prompt for n in part], device=model.device)
            with torch.inference_mode():
                written = model.generate(
                    input_ids=prompts,
                    attention_mask=torch.ones_like(prompts),
                    logits_processor=LogitsProcessorList([GumbelMax(rows, temperature)]),
                    do_sample=False,
                    num_beams=1,
                    max_new_tokens=max_new_tokens,
                    eos_token_id=end,
                    pad_token_id=end,
                )
            for number, tokens in zip(part, written[:, length:].tolist(), strict=True):
                result[number] = _until(tokens, end)
    return result


def _until(tokens: list[int], end: int) -> tuple[int, ...]:
    return tuple(tokens[: tokens.index(end) + 1]) if end in tokens else tuple(tokens)
