"""The generated example set: a synthetic preference world, so that everything runs with no download.

It has what makes real preference data hard: prompts that recur by Zipf's law, topic clusters of
unequal size, texts that carry the qualities a hidden utility weighs, other weights for other topics,
Bradley-Terry label noise, and an out-of-distribution part with other topics and another prompt style.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

import numpy as np

from prefloop.config.data import Example
from prefloop.data.example.prompts import MAIN, OTHER
from prefloop.data.example.sample import Part, pair_records, responses_records, zipf_counts
from prefloop.data.records import Record
from prefloop.errors import ConfigError
from prefloop.rng import Stream, generator


def generate_example(config: Example) -> Iterator[Record]:
    """Yield the records of the example set, the same ones for the same configuration.

    Args:
        config: section `data.example`.

    Returns:
        Records of the main part, with no split, then of the ood part. They are made one prompt at a
        time, never held together. There are no ties.

    Raises:
        ConfigError: more prompts than comparisons.
    """
    if config.form == "pairs" and config.prompts > config.pairs:
        raise ConfigError(
            f"data.example.prompts: got {config.prompts} for {config.pairs} pairs; "
            "expected at most as many prompts as pairs"
        )
    # The ood part repeats its prompts as often as the main part.
    ood_prompts = min(round(config.ood_pairs * config.prompts / config.pairs) or 1, config.ood_pairs, OTHER.size)
    main = Part(MAIN, None, config.temperature, "example, main part")
    ood = Part(OTHER, "ood", config.temperature, "example, ood part")
    return chain(
        _records(config, main, config.pairs, config.prompts, generator(config.seed, 0, Stream.EXAMPLE, 0)),
        _records(config, ood, config.ood_pairs, ood_prompts, generator(config.seed, 0, Stream.EXAMPLE, 1)),
    )


def _records(config: Example, part: Part, pairs: int, prompts: int, rng: np.random.Generator) -> Iterator[Record]:
    if not prompts:
        return iter(())
    if config.form == "responses":
        return responses_records(part, prompts, config.responses, rng)
    return pair_records(part, zipf_counts(pairs, prompts, config.zipf, rng), rng)
