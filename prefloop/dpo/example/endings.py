"""Endings of the example world: one to three short sentences, each sad, plain or happy by chance."""

from __future__ import annotations

import numpy as np

from prefloop.dpo.example import words
from prefloop.dpo.example.openings import Opening

SAD, PLAIN, HAPPY = range(3)
# Probability of 1, 2 and 3 sentences: most endings are over within two dozen words.
_LENGTHS = (0.2, 0.6, 0.2)
# Row: an ending's mood; column: the mood of one of its sentences.
_MOODS = ((0.8, 0.15, 0.05), (0.15, 0.7, 0.15), (0.05, 0.15, 0.8))


def ending(story: Opening, rng: np.random.Generator) -> str:
    """Draw one ending; all moods are equally likely, whatever the opening."""
    mood = _MOODS[rng.integers(len(_MOODS))]
    length = 1 + int(rng.choice(len(_LENGTHS), p=_LENGTHS))
    # Distinct kinds, in a fixed order: something happens, then somebody feels, then it is over.
    kinds = np.sort(rng.choice(len(words.KINDS), length, replace=False))
    return " ".join(_sentence(words.KINDS[kind][rng.choice(3, p=mood)], story, rng) for kind in kinds)


def _sentence(patterns: tuple[str, ...], story: Opening, rng: np.random.Generator) -> str:
    filled = _one(patterns, rng).format(
        she=story.she,
        her=story.her,
        him="her" if story.she == "she" else "him",
        company=f"{story.her} {story.company}",
        place=story.place,
        **{name: _one(options, rng) for name, options in words.SLOTS.items()},
    )
    return filled[0].upper() + filled[1:]


def _one(options: tuple[str, ...], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]
