"""Sampling of completions: tokens depend on their own seed alone, not on what else is in the batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

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


@dataclass(frozen=True)
class Draw:
    """Where random numbers come from and how a token is drawn.

    Attributes:
        seed: the run's seed.
        round_: the round; each draws anew.
        stream: what the completions are for.
        temperature: > 0.
        max_new_tokens: tokens of a completion at most.
    """

    seed: int
    round_: int
    stream: Stream
    temperature: float
    max_new_tokens: int


@dataclass(frozen=True)
class Completion:
    """What a model wrote.

    Attributes:
        tokens: token ids; the last one is the end token unless the completion was cut.
        log_prob: log pi of the tokens under the model itself (temperature 1), nats.
    """

    tokens: tuple[int, ...]
    log_prob: float


class Sampler(Protocol):
    """Writes completions; vLLM fits behind it (a seed per request, log-probabilities of chosen tokens)."""

    def __call__(
        self, model: Any, requests: Sequence[Request], draw: Draw, *, end: int, batch_size: int
    ) -> list[Completion]:
        """Write one completion per request, in their order; each by its own random numbers."""
        ...


def sample(model: Any, requests: Sequence[Request], draw: Draw, *, end: int, batch_size: int) -> list[Completion]:
    """Write completions by transformers' `generate`, prompts of one length together: nothing is padded.

    Args:
        model: a transformers causal language model.
        requests: what to write, in any order.
        draw: seed, temperature and length.
        end: id of the end token.
        batch_size: completions at once.

    Returns:
        The completions, in the order of the requests.
    """
    by_length = defaultdict(list)
    for number, request in enumerate(requests):
        by_length[len(request.prompt)].append(number)
    result: list[Completion | None] = [None] * len(requests)
    for length in sorted(by_length):
        numbers = by_length[length]
        for start in range(0, len(numbers), batch_size):
            part = numbers[start : start + batch_size]
            written = _write(model, [requests[n] for n in part], draw, end)
            for number, completion in zip(part, written, strict=True):
                result[number] = completion
    return [completion for completion in result if completion is not None]


def _write(model: Any, requests: list[Request], draw: Draw, end: int) -> list[Completion]:
    prompts = torch.tensor([request.prompt for request in requests], device=model.device)
    choose = InverseCdf(_uniforms(requests, draw), prompts.shape[1], draw.temperature)
    with torch.inference_mode():
        written = model.generate(
            input_ids=prompts,
            attention_mask=torch.ones_like(prompts),
            logits_processor=LogitsProcessorList([choose]),
            do_sample=False,
            num_beams=1,
            max_new_tokens=draw.max_new_tokens,
            eos_token_id=end,
            pad_token_id=end,
        )
    log_probs_n_T = choose.log_probs()
    completions = []
    for tokens, log_probs in zip(written[:, prompts.shape[1] :].tolist(), log_probs_n_T, strict=True):
        count = tokens.index(end) + 1 if end in tokens else len(tokens)
        completions.append(Completion(tuple(tokens[:count]), float(log_probs[:count].sum())))
    return completions


def _uniforms(requests: list[Request], draw: Draw) -> np.ndarray:
    """One number in [0, 1) per completion and token, float64 [n, T]."""
    rows = [generator(draw.seed, draw.round_, draw.stream, *(k + 1 for k in r.key)) for r in requests]
    return np.stack([row.random(draw.max_new_tokens) for row in rows])


class InverseCdf(LogitsProcessor):  # type: ignore[misc]
    """Chooses each row's token by the row's own uniform number; greedy decoding then takes it.

    Args:
        uniforms: float64 [n, T] in [0, 1).
        prompt_length: tokens before the completion.
        temperature: > 0.
    """

    def __init__(self, uniforms: np.ndarray, prompt_length: int, temperature: float) -> None:
        self._uniforms, self._start, self._temperature = torch.from_numpy(uniforms), prompt_length, temperature
        self._log_probs: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Logits [n, V] of the next token; all but the chosen one become minus infinity."""
        step = input_ids.shape[1] - self._start
        log_p = scores.float().log_softmax(dim=-1)
        tempered = log_p if self._temperature == 1 else (log_p / self._temperature).softmax(dim=-1).log()
        cdf = tempered.double().exp().cumsum(dim=-1)
        target = self._uniforms[:, step : step + 1].to(cdf.device) * cdf[:, -1:]
        # right: a token of probability 0 is never chosen; the clamp guards the last bit of the last one.
        token = torch.searchsorted(cdf, target, right=True).clamp_(max=cdf.shape[1] - 1)
        self._log_probs.append(log_p.gather(1, token).squeeze(1))
        return torch.full_like(scores, -torch.inf).scatter_(1, token, 0.0)

    def log_probs(self) -> np.ndarray:
        """log pi of the chosen tokens at temperature 1, float64 [n, steps], nats."""
        stacked: np.ndarray = torch.stack(self._log_probs, dim=1).double().cpu().numpy()
        return stacked
