"""Fixed splits: which split the input itself names for a question, and which rows follow it there."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from prefloop.data.collect import Collected
from prefloop.data.prepared import AUTO, OOD, POOL, TEST, VAL
from prefloop.data.texts import sort_keys

# Where a prompt stands in several splits, the first of these keeps it, so that nothing that is
# tested was trained on; a prompt of the other splits is not out of distribution, hence ood last.
_PRECEDENCE = (TEST, VAL, POOL, AUTO, OOD)


@dataclass(frozen=True)
class Assignment:
    """The fixed split of every prompt.

    Attributes:
        split: int8 [Q], index into STORED; `auto` where no row names one.
        question: int64 [Q], the number of each prompt's normal form, in no order that means anything.
        several: bool [Q], prompts whose question the input puts into more than one split.
        keep_pairs, keep_mentions, keep_called: bool, rows that follow their prompt; the others leak and are
            dropped.
    """

    split: np.ndarray
    question: np.ndarray
    several: np.ndarray
    keep_pairs: np.ndarray
    keep_mentions: np.ndarray
    keep_called: np.ndarray


def assign_splits(data: Collected) -> Assignment:
    """Give all prompts of one normal form the split that their rows name; rows without one follow their prompt."""
    question = _questions(data.prompt_normal)
    named = np.zeros((len(data.prompts), AUTO + 1), dtype=bool)
    named[question[data.pairs.prompt], data.pairs.split] = True
    named[question[data.mentions.prompt], data.mentions.split] = True
    split = np.array(_PRECEDENCE, dtype=np.int8)[np.argmax(named[:, _PRECEDENCE], axis=1)][question]
    several = (named[:, :AUTO].sum(axis=1) > 1) | (named[:, AUTO] & named[:, OOD])
    return Assignment(
        split=split,
        question=question,
        several=several[question],
        keep_pairs=_follows(data.pairs.split, split[data.pairs.prompt]),
        keep_mentions=_follows(data.mentions.split, split[data.mentions.prompt]),
        keep_called=_follows(data.called.split, split[data.called.prompt]),
    )


def _questions(normal: np.ndarray) -> np.ndarray:
    low, high = sort_keys(normal)
    order = np.lexsort((low, high))
    is_new = np.ones(len(order), dtype=np.int64)
    is_new[1:] = (low[order][1:] != low[order][:-1]) | (high[order][1:] != high[order][:-1])
    question = np.empty(len(order), dtype=np.int64)
    question[order] = np.cumsum(is_new) - 1
    return question


def _follows(row_split: np.ndarray, winner: np.ndarray) -> np.ndarray:
    return (row_split == winner) | (row_split == AUTO)
