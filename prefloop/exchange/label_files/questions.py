"""Questions: comparisons that wait for a person, with their texts, and which answer stands left."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefloop.data.compared import read_turns
from prefloop.io.hashing import unit_interval
from prefloop.io.lookup import find_rows
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
        batch: pair_id and, where it is known, `annotators`, people wanted in all; one where it is not.
        lines: the log, a table of `prefloop.labels.lines.SCHEMA`.
    """
    votes = standing_votes(lines)
    words = votes.filter(pc.is_null(votes["purpose"]))["pair_id"].value_counts()
    said = dict(zip(words.field("values").to_pylist(), words.field("counts").to_pylist(), strict=True))
    ruled = set(votes.filter(pc.is_valid(votes["purpose"]))["pair_id"].to_pylist())
    pairs = batch["pair_id"].to_pylist()
    wanted = batch["annotators"].to_pylist() if "annotators" in batch.column_names else [1] * len(batch)
    rows = [pair not in ruled and said.get(pair, 0) < count for pair, count in zip(pairs, wanted, strict=True)]
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
    own = own_ids(prepared, pairs)

    def question(row: dict[str, Any]) -> Question:
        a, b = row["completion_a"], row["completion_b"]
        left, right = (b, a) if is_turned(seed, row["pair_id"]) else (a, b)
        texts = (prompts[row["prompt_id"]], answers[left], answers[right])
        ids = (row["pair_id"], row["prompt_id"], left, right)
        return Question(*ids, row["round"], own.get(row["pair_id"], ()), *texts)

    return [question(row) for row in pairs.select([*_IDS, "round"]).to_pylist()]


def own_ids(prepared: Path, pairs: pa.Table) -> dict[str, tuple[str, ...]]:
    """What the user calls some pairs: by the pair itself, else by its prompt; empty for data without such ids."""
    of_pairs = _own(prepared / "pairs.parquet", "pair_id", pairs["pair_id"])
    of_prompts = _own(prepared / "prompts.parquet", "prompt_id", pairs["prompt_id"])
    both = zip(pairs["pair_id"].to_pylist(), pairs["prompt_id"].to_pylist(), strict=True)
    return {pair: ids for pair, prompt in both if (ids := of_pairs.get(pair) or of_prompts.get(prompt))}


def _own(path: Path, key: str, wanted: pa.ChunkedArray) -> dict[str, tuple[str, ...]]:
    if not path.is_file() or "ids" not in pq.read_schema(path).names:
        return {}
    found = find_rows(path, key, pc.unique(wanted), ["ids"])
    return {
        id_: tuple(ids)
        for id_, ids in zip(*(found[name].to_pylist() for name in (key, "ids")), strict=True)
        if ids
    }
