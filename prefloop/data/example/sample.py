"""Drawing prompts, completions and verdicts of one part of the example set."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from prefloop.config.data import SplitName
from prefloop.data.example.completions import complete
from prefloop.data.example.prompts import Prompt, World
from prefloop.data.example.utility import score, win_probability
from prefloop.data.records import PairRecord, Place, ResponsesRecord
from prefloop.labels.verdicts import Compared
from prefloop.messages.message import Turns

SOURCE = "example"
# Prompts of the world from which one is drawn: small sets have plain prompts, larger ones more varied contexts.
VARIETY = 40
# Distinct completions of one prompt at most; they form 8 million pairs, more than any configuration asks for.
COMPLETIONS_MOST = 4096


@dataclass(frozen=True)
class Part:
    """One part of the example set.

    Attributes:
        world: the prompts it draws from.
        split: the split its records are fixed to, or None.
        temperature: of the label noise.
        place: what messages call it.
    """

    world: World
    split: SplitName | None
    temperature: float
    place: str

    def prompts(self, number: int, rng: np.random.Generator) -> Iterator[Prompt]:
        """Draw distinct prompts."""
        reach = min(self.world.size, VARIETY * number)
        for row in rng.choice(reach, number, replace=False):
            yield self.world.prompt(int(row))


def zipf_counts(pairs: int, prompts: int, exponent: float, rng: np.random.Generator) -> np.ndarray:
    """Divide pairs among prompts: one each, and the rest at random by the Zipf-Mandelbrot law.

    Args:
        pairs: comparisons in all, at least one per prompt.
        prompts: number of prompts.
        exponent: weight of rank r is (r + 1) ** -exponent; 0 = all alike.

    Returns:
        int64 [prompts] with sum `pairs`, most frequent prompts first but for chance.

    Source: Mandelbrot 1953; the shift by one keeps the first prompt below a tenth of all pairs.
    """
    weights = (np.arange(prompts) + 2.0) ** -exponent
    counts: np.ndarray = 1 + rng.multinomial(pairs - prompts, weights / weights.sum())
    return counts


def pair_records(part: Part, counts: np.ndarray, rng: np.random.Generator) -> Iterator[PairRecord]:
    """Yield counts[i] distinct comparisons of the i-th prompt drawn, in either order."""
    rows = count(1)
    for prompt, pairs in zip(part.prompts(len(counts), rng), counts.tolist(), strict=True):
        # Completions of a frequent prompt recur in several of its pairs, as in real pools.
        completions = complete(prompt, min(pairs + 1, COMPLETIONS_MOST), rng)
        for (first, second), draw in zip(_pairs(len(completions), pairs, rng), rng.random(pairs), strict=True):
            a, b = completions[first], completions[second]
            verdict: Compared = "a" if draw < win_probability(a.utility, b.utility, part.temperature) else "b"
            place = Place(part.place, next(rows))
            yield PairRecord(
                Turns(prompt.text),
                Turns(a.text),
                Turns(b.text),
                verdict,
                SOURCE,
                part.split,
                place,
                model_a=a.model,
                model_b=b.model,
            )


def responses_records(
    part: Part, prompts: int, responses: int, rng: np.random.Generator
) -> Iterator[ResponsesRecord]:
    """Yield `prompts` distinct prompts with `responses` distinct scored completions each."""
    for row, prompt in enumerate(part.prompts(prompts, rng), start=1):
        completions = complete(prompt, responses, rng)
        # The difference of two Gumbel numbers is logistic: the higher score wins as Bradley-Terry says.
        noise = rng.gumbel(scale=part.temperature, size=responses).tolist()
        yield ResponsesRecord(
            Turns(prompt.text),
            tuple(Turns(completion.text) for completion in completions),
            tuple(score(completion.utility + extra) for completion, extra in zip(completions, noise, strict=True)),
            tuple(completion.model for completion in completions),
            SOURCE,
            part.split,
            Place(part.place, row),
        )


def _pairs(completions: int, pairs: int, rng: np.random.Generator) -> list[list[int]]:
    # Number k stands for the k-th cell below the diagonal of the completions' square.
    cells = rng.choice(completions * (completions - 1) // 2, pairs, replace=False)
    high = np.floor((1 + np.sqrt(1 + 8 * cells)) / 2).astype(np.int64)
    low = cells - high * (high - 1) // 2
    swap = rng.random(pairs) < 0.5
    rows: list[list[int]] = np.column_stack([np.where(swap, high, low), np.where(swap, low, high)]).tolist()
    return rows
