"""The prepared tables as arrays of row numbers; no hidden answer is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.errors import StateError
from prefloop.io.arrays import read_table

SPLITS = ("pool", "val", "test", "ood")
# In the stored tables a prompt without a fixed split is `auto`: a run's division puts it into one of the others.
STORED = (*SPLITS, "auto")
POOL, VAL, TEST, OOD, AUTO = range(len(STORED))


@dataclass(frozen=True)
class Models:
    """Which models wrote each completion: several where equal texts were merged, none where unknown.

    Never a feature and no part of an id; a pair rule may read it only where it says so (fixed_pair).

    Attributes:
        offsets: int64 [C + 1]; completion c was written by codes[offsets[c]] .. codes[offsets[c + 1] - 1].
        codes: int32, indices into `names`.
        names: [W] the models' names, sorted.
    """

    offsets: np.ndarray
    codes: np.ndarray
    names: list[str]

    def take(self, rows: np.ndarray) -> Models:
        """Those of some completions, int64 [n] rows."""
        counts = np.diff(self.offsets)[rows]
        ends = np.cumsum(counts)
        places = np.arange(int(counts.sum())) + np.repeat(self.offsets[rows] - (ends - counts), counts)
        return Models(np.concatenate([[0], ends]).astype(np.int64), self.codes[places], self.names)


@dataclass(frozen=True)
class Prepared:
    """Prompts, completions and listed pairs by row number: as stored, or as a run's division has them.

    Rows are in a fixed order: prompts by (split, prompt_id), completions by (prompt, completion_id),
    pairs by (prompt, completion_a, completion_b). So the completions of one prompt, and those of
    one split, are contiguous. A prompt that a division cuts in two has a row on each side, with the same id.

    Attributes:
        prompt_ids: [Q] Arrow strings.
        normal_ids: [Q] Arrow strings, id of each prompt's normal form: the same for all spellings of a question.
        completion_ids: [C] Arrow strings.
        split: int8 [Q], index into STORED; a division has none that is `auto`.
        offsets: int64 [Q + 1]; prompt q has completions offsets[q] .. offsets[q + 1] - 1.
        completion_prompt: int64 [C], prompt row of each completion.
        characters: int32 [C], length of each completion's text.
        text: int32 [C], number of each completion's text: the same text has the same number under any prompt.
        models: who wrote each completion.
        answered: bool [C], whether a model can be scored by it: somebody has compared it, or it has a score as
            another completion of its prompt has. What the answers say is not told.
        pair_a, pair_b: int64 [N], completion rows of the listed pairs, pair_a < pair_b.
        pair_prompt: int64 [N], prompt row of each listed pair.
    """

    prompt_ids: pa.Array
    normal_ids: pa.Array
    completion_ids: pa.Array
    split: np.ndarray
    offsets: np.ndarray
    completion_prompt: np.ndarray
    characters: np.ndarray
    text: np.ndarray
    models: Models
    answered: np.ndarray
    pair_a: np.ndarray
    pair_b: np.ndarray
    pair_prompt: np.ndarray

    def prompts_of(self, split: str) -> slice:
        """Rows of one split's prompts."""
        return _slice(self.split, STORED.index(split))

    def completions_of(self, split: str) -> slice:
        """Rows of one split's completions."""
        prompts = self.prompts_of(split)
        return slice(int(self.offsets[prompts.start]), int(self.offsets[prompts.stop]))

    def pairs_of(self, split: str) -> slice:
        """Rows of one split's listed pairs."""
        prompts = self.prompts_of(split)
        first, last = np.searchsorted(self.pair_prompt, [prompts.start, prompts.stop])
        return slice(int(first), int(last))


def load_prepared(folder: Path) -> Prepared:
    """Load the tables that `prepare` wrote into `folder`.

    Raises:
        StateError: a table is missing, damaged, or refers to rows that do not exist.
    """
    prompts = read_table(folder / "prompts.parquet", ["prompt_id", "normal_id", "split"])
    columns = ["completion_id", "prompt_id", "characters", "text_number", "models", "answered"]
    completions = read_table(folder / "completions.parquet", columns)
    pairs = read_table(folder / "pairs.parquet", ["prompt_id", "completion_a", "completion_b"])
    prompt_ids = _strings(prompts["prompt_id"])
    completion_ids = _strings(completions["completion_id"])
    completion_prompt = _rows(completions["prompt_id"], prompt_ids, folder / "completions.parquet")
    split = pc.index_in(_strings(prompts["split"]), pa.array(STORED)).to_numpy().astype(np.int8)
    counts = np.bincount(completion_prompt, minlength=len(prompt_ids))
    return Prepared(
        prompt_ids=prompt_ids,
        normal_ids=pc.coalesce(_strings(prompts["normal_id"]), prompt_ids),
        completion_ids=completion_ids,
        split=split,
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        completion_prompt=completion_prompt,
        characters=completions["characters"].to_numpy(),
        text=completions["text_number"].to_numpy(),
        models=_models(completions["models"]),
        answered=completions["answered"].to_numpy(),
        pair_a=_rows(pairs["completion_a"], completion_ids, folder / "pairs.parquet"),
        pair_b=_rows(pairs["completion_b"], completion_ids, folder / "pairs.parquet"),
        pair_prompt=_rows(pairs["prompt_id"], prompt_ids, folder / "pairs.parquet"),
    )


def _models(column: pa.ChunkedArray) -> Models:
    lists = column.combine_chunks()
    lists = lists if isinstance(lists, pa.Array) else pa.concat_arrays(lists.chunks)
    offsets = np.concatenate([[0], np.cumsum(pc.fill_null(pc.list_value_length(lists), 0).to_numpy())])
    encoded = lists.flatten().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    order = np.argsort(np.array(names, dtype=object)) if names else np.zeros(0, np.int64)
    rank = np.empty(len(names), dtype=np.int32)
    rank[order] = np.arange(len(names), dtype=np.int32)
    return Models(offsets.astype(np.int64), rank[encoded.indices.to_numpy()], [names[i] for i in order])


def _strings(column: pa.ChunkedArray) -> pa.Array:
    combined = column.combine_chunks()
    return combined if isinstance(combined, pa.Array) else pa.concat_arrays(combined.chunks)


def _rows(ids: pa.ChunkedArray, targets: pa.Array, path: Path) -> np.ndarray:
    rows = pc.index_in(_strings(ids), targets)
    if rows.null_count:
        raise StateError(f"{path} refers to {rows.null_count} unknown ids: run the stage prepare again")
    return rows.to_numpy().astype(np.int64)


def _slice(split: np.ndarray, number: int) -> slice:
    first, last = np.searchsorted(split, [number, number + 1])
    return slice(int(first), int(last))
