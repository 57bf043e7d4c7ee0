"""Table of random streams; every random number of prefloop is drawn from one of them."""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """Consumers of randomness. Numbers are for ever: add at the end, never renumber."""

    INITIAL = 0  # the random labels before the first selection
    SELECT = 1  # a batch policy's own draws and tie breaks
    WEIGHTS = 2  # a member's initial weights
    SHUFFLE = 3  # a member's order of examples
    HOLDOUT = 4  # a member's held-out share of the labelled pairs
    PAIR_RULE = 5  # which two of K responses
    BOOTSTRAP = 6  # resampling of seeds and test prompts
    RECALL = 7  # the sample on which the neighbour index is measured
    EXAMPLE = 8  # the generated example set
    VALIDATION = 9  # the shared validation pairs
    CONTROL = 10  # a second, independent selection stream (the control policy)
    GENERATE = 11  # the tokens of one sampled completion
    DPO = 12  # the order of preferences in one fit of a policy
    PROMPTS = 13  # which prompts a round of active DPO draws
    EVALUATE = 14  # the tokens of completions that are only evaluated
    ENTROPY = 15  # the tokens of samples for predictive entropy
    SKETCH = 16  # the random projection of gradients
    TEXTS = 17  # a start model: its weights, its order of texts, generated texts
    POSTERIOR = 18  # draws of weights from a Gaussian posterior
    LEAKS = 19  # the test texts that are looked up in the pool, and their sketches
    AUDIT = 20  # the part of a campaign's batch that is drawn at random, how large it is, and where it stands


def generator(seed: int, round_: int, stream: Stream, *keys: int) -> np.random.Generator:
    """Return the generator of one consumer in one round.

    Args:
        seed: the run's seed, >= 0.
        round_: round number, 0 for the initial labels and for anything before the rounds.
        stream: who draws; a new consumer shifts nobody else's numbers.
        keys: further non-negative integers, for instance the member's number. A last key of 0 is the
            same as none, so a stream has either always keys or never, or keys from 1.

    Returns:
        A fresh PCG64 generator; the same arguments give the same numbers.
    """
    return np.random.default_rng(seed_sequence(seed, round_, stream, *keys))


def seed_sequence(seed: int, round_: int, stream: Stream, *keys: int) -> np.random.SeedSequence:
    """What `generator` starts from, for a consumer that jumps within its stream; arguments as there."""
    return np.random.SeedSequence([seed, round_, int(stream), *keys])
