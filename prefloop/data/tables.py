"""Writing the prepared tables, a few thousand rows at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from prefloop.data.arrange import Arranged, Votes
from prefloop.data.collect import NONE, Collected
from prefloop.data.own_ids import lists_of
from prefloop.data.prepared import STORED
from prefloop.data.texts import hex_ids
from prefloop.io.hashing import pair_id, prompt_id
from prefloop.labels.verdicts import BOTH_BAD, COMPARED, SKIP, WORDS
from prefloop.messages.message import Turns

_ROWS = 1 << 14

_IDS = ("ids", pa.list_(pa.string()))
PROMPTS = pa.schema(
    [
        *((name, pa.string()) for name in ("prompt_id", "prompt", "messages", "normal_id", "split", "source")),
        _IDS,
    ]
)
COMPLETIONS = pa.schema(
    [
        ("completion_id", pa.string()),
        ("prompt_id", pa.string()),
        ("text", pa.string()),
        ("messages", pa.string()),
        ("models", pa.list_(pa.string())),
        ("characters", pa.int32()),
        ("text_number", pa.int32()),
        ("answered", pa.bool_()),
    ]
)
TARGET = pa.schema([(name, pa.string()) for name in ("prompt_id", "prompt", "messages")])
_PAIR = [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b")]
PAIRS = pa.schema([*_PAIR, _IDS])
ORACLE = pa.schema(
    [
        ("kind", pa.string()),
        ("id", pa.string()),
        ("prompt_id", pa.string()),
        ("votes_a", pa.int32()),
        ("votes_b", pa.int32()),
        ("votes_tie", pa.int32()),
        ("votes_both_bad", pa.int32()),
        ("strength", pa.float64()),
        ("score", pa.float64()),
    ]
)
VOTES = pa.schema(
    [
        *_PAIR,
        ("verdict", pa.string()),
        ("annotator", pa.string()),
        ("strength", pa.float64()),
        ("source", pa.string()),
    ]
)


def write_tables(data: Collected, rows: Arranged, folder: Path) -> None:
    """Write prompts, completions, pairs, oracle and votes as Parquet files into an existing folder."""
    prompt_digests = data.prompts.digests()[rows.prompts]
    completion_digests = data.completions.digests()[rows.completions]
    sources, models = pa.array(sorted(data.sources), pa.string()), pa.array(sorted(data.models), pa.string())
    splits, words = pa.array(STORED), pa.array(WORDS)
    bounds = np.searchsorted(rows.completion_models[:, 0], np.arange(len(rows.completions) + 1)).astype(np.int32)
    pair_ids: list[pa.Array] = []
    numbers: dict[bytes, int] = {}

    def prompts(part: slice) -> list[Any]:
        numbers = rows.prompts[part]
        texts, kept = data.prompts.texts(numbers), data.prompts.kept(numbers)
        split, source = splits.take(rows.prompt_split[part]), sources.take(rows.prompt_source[part])
        ids, normal = hex_ids(prompt_digests[part]), hex_ids(data.prompt_normal[numbers])
        # Null where the prompt is its own normal form.
        own_ids = lists_of(rows.prompt_own_ids, data.own_ids, part)
        return [ids, texts, kept, pc.if_else(pc.equal(ids, normal), None, normal), split, source, own_ids]

    def completions(part: slice) -> list[Any]:
        prompt = hex_ids(prompt_digests[rows.completion_prompt[part]])
        offsets = bounds[part.start : part.stop + 1]
        names = models.take(rows.completion_models[offsets[0] : offsets[-1], 1])
        lists = pa.ListArray.from_arrays(pa.array(offsets - offsets[0]), names)
        texts, kept = (
            part_of(rows.completions[part]) for part_of in (data.completions.texts, data.completions.kept)
        )
        number = pa.array([_number(numbers, text) for text in texts.to_pylist()], pa.int32())
        lengths = pc.utf8_length(texts).cast(pa.int32())
        answered = pa.array(rows.answered[part])
        return [hex_ids(completion_digests[part]), prompt, texts, kept, lists, lengths, number, answered]

    def pairs(part: slice) -> list[Any]:
        a, b = rows.pair_a[part], rows.pair_b[part]
        first, second = hex_ids(completion_digests[a]), hex_ids(completion_digests[b])
        ids = pa.array(map(pair_id, first.to_pylist(), second.to_pylist()), pa.string())
        pair_ids.append(ids)
        own_ids = lists_of(rows.pair_own_ids, data.own_ids, part)
        return [ids, hex_ids(prompt_digests[rows.completion_prompt[a]]), first, second, own_ids]

    _write(folder / "prompts.parquet", PROMPTS, len(rows.prompts), prompts)
    _write(folder / "completions.parquet", COMPLETIONS, len(rows.completions), completions)
    _write(folder / "pairs.parquet", PAIRS, len(rows.pair_a), pairs)
    listed = pa.chunked_array(pair_ids, pa.string()).combine_chunks()
    _write_oracle(folder / "oracle.parquet", rows, listed, prompt_digests, completion_digests)
    annotators = pa.array(sorted(data.annotators), pa.string())

    def votes(part: slice) -> list[Any]:
        pair = rows.given.pair[part]
        a, b = rows.pair_a[pair], rows.pair_b[pair]
        parts = (prompt_digests[rows.completion_prompt[a]], completion_digests[a], completion_digests[b])
        annotator, strength = rows.given.annotator[part], rows.given.strength[part]
        return [
            listed.take(pa.array(pair)),
            *(hex_ids(digests) for digests in parts),
            words.take(pa.array(rows.given.verdict[part])),
            annotators.take(pa.array(annotator, mask=annotator == NONE)),
            pa.array(strength, mask=strength == NONE),
            sources.take(pa.array(rows.given.source[part])),
        ]

    _write(folder / "votes.parquet", VOTES, len(rows.given.pair), votes)


def write_target(prompts: list[Turns], folder: Path) -> None:
    """Write the target's prompts, perhaps none, as target.parquet."""
    rows = [
        {"prompt_id": prompt_id(turns.plain), "prompt": turns.plain, "messages": turns.kept} for turns in prompts
    ]
    pq.write_table(pa.Table.from_pylist(rows, TARGET), folder / "target.parquet", compression="zstd")


def _number(numbers: dict[bytes, int], text: str) -> int:
    """Number of a text, by first appearance; digests, since texts of a large pool would not fit into memory."""
    return numbers.setdefault(hashlib.blake2b(text.encode("utf-8"), digest_size=16).digest(), len(numbers))


def _write_oracle(
    path: Path, rows: Arranged, pair_ids: pa.Array, prompt_digests: np.ndarray, completion_digests: np.ndarray
) -> None:
    said = rows.votes[:, :SKIP]
    judged, scored = np.flatnonzero(said.any(axis=1)), np.flatnonzero(~np.isnan(rows.score))
    owner = rows.completion_prompt[np.concatenate([rows.pair_a[judged], scored])]
    votes = np.concatenate([said[judged], np.zeros((len(scored), SKIP), dtype=np.int32)])
    unscored, unjudged = np.full(len(judged), np.nan), np.full(len(scored), np.nan)
    scores = np.concatenate([unscored, rows.score[scored]])
    strengths = np.concatenate([_mean_strength(rows.given, len(rows.pair_a))[judged], unjudged])
    ids = pa.concat_arrays([pair_ids.take(judged), hex_ids(completion_digests[scored])])
    kinds = pa.array(["pair", "completion"])

    def oracle(part: slice) -> list[Any]:
        kind = kinds.take((np.arange(part.start, part.stop) >= len(judged)).astype(np.int8))
        numbers = [pa.array(column[part], mask=np.isnan(column[part])) for column in (strengths, scores)]
        columns = [pa.array(votes[part, k]) for k in (*range(len(COMPARED)), BOTH_BAD)]
        return [
            kind,
            ids.slice(part.start, part.stop - part.start),
            hex_ids(prompt_digests[owner[part]]),
            *columns,
            *numbers,
        ]

    _write(path, ORACLE, len(owner), oracle)


def _mean_strength(given: Votes, pairs: int) -> np.ndarray:
    """Mean strength of the votes that have one, NaN where none has, float64 [N]."""
    told = given.strength != NONE
    total = np.bincount(given.pair[told], weights=given.strength[told], minlength=pairs)
    count = np.bincount(given.pair[told], minlength=pairs)
    return np.divide(total, count, out=np.full(pairs, np.nan), where=count > 0)


def _write(path: Path, schema: pa.Schema, count: int, columns: Callable[[slice], list[Any]]) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for start in range(0, count, _ROWS):
            part = slice(start, min(start + _ROWS, count))
            writer.write_batch(pa.record_batch(columns(part), schema=schema))
