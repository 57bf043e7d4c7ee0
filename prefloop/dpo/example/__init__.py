"""Example world of active DPO: openings of small stories, and endings sad, plain or happy by chance.

Everything is generated from word lists of our own. The same opening goes on in many ways, so that a model
that is trained on these texts has something to choose from, and a lexicon of sentiment something to judge.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from prefloop.dpo.config import Example
from prefloop.dpo.example.endings import ending
from prefloop.dpo.example.openings import SIZE, Opening, opening
from prefloop.errors import ConfigError
from prefloop.rng import Stream, generator


def generate_stories(config: Example) -> Iterator[tuple[str, str | None]]:
    """Yield openings and texts, the same ones for the same configuration.

    Args:
        config: section `prompts.example`.

    Returns:
        (opening, text or None): every opening at least once; the texts, each an opening and an ending, go
        round the openings in turn.

    Raises:
        ConfigError: more openings than the world has.
    """
    if config.prompts > SIZE:
        raise ConfigError(f"prompts.example.prompts: got {config.prompts}, expected at most {SIZE}")
    numbers = generator(config.seed, 0, Stream.TEXTS, 1).choice(SIZE, config.prompts, replace=False)
    return _stories([int(number) for number in numbers], config)


def _stories(numbers: list[int], config: Example) -> Iterator[tuple[str, str | None]]:
    rng = generator(config.seed, 0, Stream.TEXTS, 2)
    for row in range(max(config.prompts, config.texts)):
        story = opening(numbers[row % config.prompts])
        yield story.text, _text(story, rng) if row < config.texts else None


def _text(story: Opening, rng: np.random.Generator) -> str:
    return f"{story.text} {ending(story, rng)}"
