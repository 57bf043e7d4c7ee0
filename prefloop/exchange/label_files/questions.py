"""Questions: comparisons that wait for a person, with their texts, and which answer stands left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.data.compared import own_ids, read_turns
from prefloop.io.hashing import unit_interval
from prefloop.labels.aggregate import standing_votes
from prefloop.messages.message import Turns

_IDS = ("pair_id", "prompt_id", "completion_a", "completion_b")


@dataclass(frozen=True, slots=True)
class Question:
    """One comparison as a person is asked about it; the names of the models behind the answers are not in it.

    Attributes:
        pair_id, prompt_id: ids.
        left_id, right_id: of the completions, in the order in which they are shown.
        round: of the batch that chose it.
        ids: what the user calls it.
        prompt, left, right: the texts.
    """

    pair_id: str
    prompt_id: str
    left_id: str
    right_id: str
    round: int
    ids: tuple[str, ...]
    prompt: Turns
    left: Turns
    right: Turns

    @property
    def is_turned(self) -> bool:
        """Whether completion b stands left."""
        return self.left_id > self.right_id


def is_turned(seed: int, pair: str) -> bool:
    """Whether completion b of a pair stands left: at random, and the same in every file of a campaign."""
    return unit_interval("sides", str(seed), pair) < 0.5


def waiting(batch: pa.Table, lines: pa.Table) -> pa.Table:
    """The rows of a batch on which fewer people have a standing word than are wanted.

    Args:
        batch: pair_id, and annotators, people wanted in all.
        lines: the log, a table of `prefloop.labels.lines.SCHEMA`.
    """
    votes = standing_votes(lines)
    words = votes.filter(pc.is_null(votes["purpose"]))["pair_id"].value_counts()
    said = dict(zip(words.field("values").to_pylist(), words.field("counts").to_pylist(), strict=True))
    ruled = set(votes.filter(pc.is_valid(votes["purpose"]))["pair_id"].to_pylist())
    wanted = zip(batch["pair_id"].to_pylist(), batch["annotators"].to_pylist(), strict=True)
    rows = [pair not in ruled and said.get(pair, 0) < count for pair, count in wanted]
    return batch.filter(pa.array(rows, pa.bool_()))


def once(pairs: pa.Table) -> pa.Table:
    """The first row of each pair."""
    first = np.unique(np.asarray(pairs["pair_id"].to_pylist(), dtype=object), return_index=True)[1]
    return pairs.take(np.sort(first)) if len(pairs) else pairs


def read_questions(prepared: Path, pairs: pa.Table, seed: int) -> list[Question]:
    """The questions that some pairs are, in the same order.

    Args:
        prepared: folder of the prepared tables.
        pairs: pair_id, prompt_id, completion_a, completion_b, round.
        seed: of the campaign.

    Raises:
        StateError: a table is missing or damaged, or does not have one of the ids.
    """
    completions = pa.concat_arrays([pc.unique(pairs[name]) for name in _IDS[2:]])
    prompts, answers = read_turns(prepared, pc.unique(pairs["prompt_id"]), completions)
    own = dict(zip(pairs["pair_id"].to_pylist(), own_ids(prepared, pairs), strict=True))

    def question(row: dict[str, Any]) -> Question:
        a, b = row["completion_a"], row["completion_b"]
        left, right = (b, a) if is_turned(seed, row["pair_id"]) else (a, b)
        texts = (prompts[row["prompt_id"]], answers[left], answers[right])
        ids = (row["pair_id"], row["prompt_id"], left, right)
        return Question(*ids, row["round"], tuple(own[row["pair_id"]]), *texts)

    return [question(row) for row in pairs.select([*_IDS, "round"]).to_pylist()]
