"""Fixed splits: which split the input itself names for a prompt, and which rows follow it there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.data.collect import Collected
from prefloop.data.prepared import AUTO, OOD, POOL, TEST, VAL

# Where a prompt stands in several splits, the first of these keeps it, so that nothing that is
# tested was trained on; a prompt of the other splits is not out of distribution, hence ood last.
_PRECEDENCE = (TEST, VAL, POOL, AUTO, OOD)


@dataclass(frozen=True)
class Assignment:
    """The fixed split of every prompt.

    Attributes:
        split: int8 [Q], index into STORED; `auto` where no row names one.
        several: bool [Q], prompts that the input puts into more than one split.
        keep_pairs, keep_mentions: bool, rows that follow their prompt; the others leak and are dropped.
    """

    split: np.ndarray
    several: np.ndarray
    keep_pairs: np.ndarray
    keep_mentions: np.ndarray


def assign_splits(data: Collected) -> Assignment:
    """Give every prompt the split that its rows name; rows without one follow their prompt."""
    mention_prompt = data.completion_prompt[data.mentions.completion]
    named = np.zeros((len(data.prompts), AUTO + 1), dtype=bool)
    named[data.pairs.prompt, data.pairs.split] = True
    named[mention_prompt, data.mentions.split] = True
    split = np.array(_PRECEDENCE, dtype=np.int8)[np.argmax(named[:, _PRECEDENCE], axis=1)]
    fixed = named[:, :AUTO].sum(axis=1)
    return Assignment(
        split=split,
        several=(fixed > 1) | (named[:, AUTO] & named[:, OOD]),
        keep_pairs=_follows(data.pairs.split, split[data.pairs.prompt]),
        keep_mentions=_follows(data.mentions.split, split[mention_prompt]),
    )


def _follows(row_split: np.ndarray, winner: np.ndarray) -> np.ndarray:
    return (row_split == winner) | (row_split == AUTO)
