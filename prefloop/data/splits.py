"""Which split each prompt belongs to, and which rows follow it there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.config.data import Split
from prefloop.data.collect import AUTO, Collected
from prefloop.data.prepared import SPLITS
from prefloop.data.texts import hex_ids
from prefloop.io.hashing import unit_interval

POOL, VAL, TEST, OOD = range(len(SPLITS))

# Where a prompt stands in several splits, the first of these keeps it, so that nothing that is
# tested was trained on; a prompt of the other splits is not out of distribution, hence ood last.
_PRECEDENCE = (TEST, VAL, POOL, AUTO, OOD)


@dataclass(frozen=True)
class Assignment:
    """The split of every prompt.

    Attributes:
        split: int8 [Q], index into SPLITS.
        several: bool [Q], prompts that the input puts into more than one split.
        keep_pairs, keep_mentions: bool, rows that follow their prompt; the others leak and are dropped.
        oversized: rows of prompts with too large a share of the pairs to be divided.
        share: float64, that share, for each of `oversized`.
        hashed: int8, the split that the hash alone would have given, for each of `oversized`.
    """

    split: np.ndarray
    several: np.ndarray
    keep_pairs: np.ndarray
    keep_mentions: np.ndarray
    oversized: np.ndarray
    share: np.ndarray
    hashed: np.ndarray


def assign_splits(data: Collected, config: Split) -> Assignment:
    """Give every prompt one split: a fixed one of its rows, else by its salted hash.

    Rows without a fixed split follow their prompt. A prompt that is divided by hash and has more than
    `max_prompt_share` of all such pairs goes to the pool.

    Args:
        data: the collected rows.
        config: shares, salt and the largest share of one prompt.
    """
    mention_prompt = data.completion_prompt[data.mentions.completion]
    named = np.zeros((len(data.prompts), AUTO + 1), dtype=bool)
    named[data.pairs.prompt, data.pairs.split] = True
    named[mention_prompt, data.mentions.split] = True
    winner = np.array(_PRECEDENCE, dtype=np.int8)[np.argmax(named[:, _PRECEDENCE], axis=1)]
    divided = np.flatnonzero(winner == AUTO)
    hashed = _by_hash(data, divided, config)
    share = _pair_share(data, winner == AUTO)[divided]
    oversized = share > config.max_prompt_share
    split = winner.copy()
    split[divided] = np.where(oversized, POOL, hashed)
    fixed = named[:, :AUTO].sum(axis=1)
    return Assignment(
        split=split,
        several=(fixed > 1) | (named[:, AUTO] & named[:, OOD]),
        keep_pairs=_follows(data.pairs.split, winner[data.pairs.prompt]),
        keep_mentions=_follows(data.mentions.split, winner[mention_prompt]),
        oversized=divided[oversized],
        share=share[oversized],
        hashed=hashed[oversized],
    )


def _by_hash(data: Collected, prompts: np.ndarray, config: Split) -> np.ndarray:
    ids = hex_ids(data.prompts.digests()[prompts]).to_pylist()
    u = np.array([unit_interval(config.salt, identity) for identity in ids], dtype=np.float64)
    return np.where(u < config.test, TEST, np.where(u < config.test + config.val, VAL, POOL)).astype(np.int8)


def _pair_share(data: Collected, divided: np.ndarray) -> np.ndarray:
    pairs = data.pairs.where(divided[data.pairs.prompt])
    order = np.lexsort((pairs.second, pairs.first))
    first, second = pairs.first[order], pairs.second[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (first[1:] != first[:-1]) | (second[1:] != second[:-1])
    counts = np.bincount(pairs.prompt[order][new], minlength=len(divided))
    return counts / max(counts.sum(), 1)


def _follows(row_split: np.ndarray, winner: np.ndarray) -> np.ndarray:
    return (row_split == winner) | (row_split == AUTO)
