"""Checks of annotators: questions that a person was asked again, and gold items, whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.campaign.habits import numbered_names
from prefloop.labels.label import WITHDRAWN
from prefloop.labels.verdicts import SKIP, TIE, WORDS, Word


@dataclass(frozen=True)
class AskedTwice:
    """Questions that a person was asked again.

    Attributes:
        who: their annotators.
        before, again: int64 [m], the words given before and when asked again.
    """

    who: list[str]
    before: np.ndarray
    again: np.ndarray

    @property
    def votes(self) -> np.ndarray:
        """int64 [m', 3], both words on each question as votes for a, b and neither; without those with a skip."""
        said = np.minimum(np.stack([self.before, self.again], axis=1), TIE)
        said = said[((self.before != SKIP) & (self.again != SKIP))]
        votes: np.ndarray = np.eye(TIE + 1, dtype=np.int64)[said].sum(axis=1)
        return votes

    def by_name(self) -> dict[str, dict[str, Any]]:
        """How often each annotator was asked again (repeats), and the share answered alike (consistent)."""
        alike: dict[str, list[bool]] = {}
        for name, same in zip(self.who, (self.before == self.again).tolist(), strict=True):
            alike.setdefault(name, []).append(same)
        return {
            name: {"repeats": len(each), "consistent": round(sum(each) / len(each), 3)}
            for name, each in alike.items()
        }


def asked_twice(lines: pa.Table) -> AskedTwice:
    """The repeated questions of a log, each with the word that its annotator gave before.

    A word that was taken back was not given; of a repeat, and of the vote before it, the last word counts.

    Args:
        lines: the log, in order.
    """
    back = pc.fill_null(pc.equal(lines["reason"], WITHDRAWN), False)
    words = lines.filter(pc.or_(pc.is_valid(lines["verdict"]), back))
    said = words.filter(pc.is_in(words["purpose"], value_set=pa.array(["repeat", None], pa.string())))
    who, names = numbered_names(said["annotator"])
    pair, _ = numbered_names(said["pair_id"])
    is_repeat = pc.is_valid(said["purpose"]).to_numpy()
    word = pc.fill_null(pc.index_in(said["verdict"], value_set=pa.array(WORDS)), -1).to_numpy().astype(np.int64)
    order = np.lexsort((pair, who))
    # Of the words of a person on a pair, one that is followed by another of its kind has lost its place to it.
    follows = (who[order][1:] == who[order][:-1]) & (pair[order][1:] == pair[order][:-1])
    replaced = follows & (is_repeat[order][1:] == is_repeat[order][:-1])
    order = order[~np.append(replaced, False)[: len(order)] & (word[order] >= 0)]
    follows = (who[order][1:] == who[order][:-1]) & (pair[order][1:] == pair[order][:-1])
    pick = follows & is_repeat[order][1:]
    before, again = order[:-1][pick], order[1:][pick]
    return AskedTwice([names[number] for number in who[again].tolist()], word[before], word[again])


def gold_answers(lines: pa.Table, answers: Mapping[str, Word]) -> dict[str, dict[str, Any]]:
    """How many gold items each annotator answered as they are known: gold and correct, by name.

    Args:
        lines: the log, in order.
        answers: known verdicts by pair id; a line on another pair counts for nothing.
    """
    gold = lines.filter(pc.fill_null(pc.equal(lines["purpose"], "gold"), False))
    columns = (gold[name].to_pylist() for name in ("annotator", "pair_id", "verdict"))
    # The last word counts, and one that was taken back is none.
    given = {(name, pair): verdict for name, pair, verdict in zip(*columns, strict=True)}
    right: dict[str, list[bool]] = {}
    for (name, pair), verdict in given.items():
        if pair in answers and verdict is not None:
            right.setdefault(name, []).append(verdict == answers[pair])
    return {name: {"gold": len(each), "correct": round(sum(each) / len(each), 3)} for name, each in right.items()}
