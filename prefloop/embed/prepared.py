"""Token sequences of all texts of the prepared tables: each different one once."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from prefloop.embed.cache import KEY_BYTES
from prefloop.embed.texts import TextEncoder
from prefloop.embed.windows import Ids, fit_answers, fit_prompt
from prefloop.errors import StateError
from prefloop.io.arrays import read_table
from prefloop.messages.message import Turns

# Answers tokenised at a time: bounds the memory that texts and Python's lists of tokens take.
_CHUNK = 4096


@dataclass(frozen=True)
class Texts:
    """Prompts and completions in row order; the completions of one prompt are contiguous.

    Attributes:
        prompt_ids, prompts: [Q] strings.
        completion_ids, completions: [C] strings, the plain forms.
        prompt_messages, completion_messages: [Q], [C] strings, messages as JSON, null where the plain form is all.
        offsets: int64 [Q + 1]; prompt q has completions offsets[q] .. offsets[q + 1] - 1.
        targets: how many of the last prompts are those of the target, without completions.
    """

    prompt_ids: pa.ChunkedArray
    prompts: pa.ChunkedArray
    completion_ids: pa.ChunkedArray
    completions: pa.ChunkedArray
    prompt_messages: pa.ChunkedArray
    completion_messages: pa.ChunkedArray
    offsets: np.ndarray
    targets: int = 0

    def prompt_turns(self, rows: slice) -> list[Turns]:
        """Some consecutive prompts."""
        return _turns(self.prompts, self.prompt_messages, rows)

    def completion_turns(self, rows: slice) -> list[Turns]:
        """Some consecutive completions."""
        return _turns(self.completions, self.completion_messages, rows)


@dataclass
class Sequences:
    """The different token sequences, in order of first appearance, and which row has which.

    Attributes:
        keys: 16-byte content hashes [U].
        tokens: all sequences end to end.
        ends: end of each sequence in `tokens` [U].
        prompt_keys, completion_keys: the key of each row [Q], [C].
        counts: truncations and collisions (see `fit_answers`), and `prompts_cut`.
    """

    keys: list[bytes] = field(default_factory=list)
    tokens: array = field(default_factory=lambda: array("i"))
    ends: array = field(default_factory=lambda: array("q"))
    prompt_keys: list[bytes] = field(default_factory=list)
    completion_keys: list[bytes] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def lengths(self) -> np.ndarray:
        """Tokens of each different sequence, int64 [U]."""
        return np.diff(np.asarray(self.ends, dtype=np.int64), prepend=0)

    def tokens_of(self, row: int) -> np.ndarray:
        """Token ids of one different sequence, int32."""
        return np.frombuffer(self.tokens, np.int32)[self.ends[row - 1] if row else 0 : self.ends[row]]


def read_texts(folder: Path) -> Texts:
    """Read the texts that `prepare` wrote into `folder`.

    Raises:
        StateError: a table is missing or damaged, or completions are not ordered by prompt.
    """
    prompts = read_table(folder / "prompts.parquet", ["prompt_id", "prompt", "messages"])
    completions = read_table(folder / "completions.parquet", ["completion_id", "prompt_id", "text", "messages"])
    rows = pc.index_in(completions["prompt_id"], prompts["prompt_id"].combine_chunks())
    if rows.null_count or bool((np.diff(rows.to_numpy()) < 0).any()):
        raise StateError(
            f"{folder / 'completions.parquet'} does not follow prompts.parquet: run the stage prepare again"
        )
    target = read_table(folder / "target.parquet", ["prompt_id", "prompt", "messages"])
    counts = np.bincount(rows.to_numpy(), minlength=len(prompts) + len(target))
    prompts = pa.concat_tables([prompts, target])
    return Texts(
        prompt_ids=prompts["prompt_id"],
        prompts=prompts["prompt"],
        completion_ids=completions["completion_id"],
        completions=completions["text"],
        prompt_messages=prompts["messages"],
        completion_messages=completions["messages"],
        offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        targets=len(target),
    )


def read_questions(folder: Path) -> tuple[pa.Array, pa.Array]:
    """Split and id of the normal form of each prompt of prompts.parquet, [Q] strings each.

    Raises:
        StateError: the table is missing or damaged.
    """
    prompts = read_table(folder / "prompts.parquet", ["prompt_id", "normal_id", "split"])
    normal = pc.coalesce(prompts["normal_id"], prompts["prompt_id"])
    return prompts["split"].combine_chunks(), normal.combine_chunks()


def _turns(plain: pa.ChunkedArray, kept: pa.ChunkedArray, rows: slice) -> list[Turns]:
    columns = (column.slice(rows.start, rows.stop - rows.start).to_pylist() for column in (plain, kept))
    return list(map(Turns.load, *columns))


def tokenise(texts: Texts, encoder: TextEncoder, *, prompts_alone: bool = True) -> Sequences:
    """Turn all completions (with their prompts) into sequences that fit the model, and the prompts alone.

    Args:
        texts: prompts and completions.
        encoder: the tokenising half of the model.
        prompts_alone: whether prompts get sequences of their own; else `prompt_keys` stays empty.
    """
    sequences = Sequences()
    seen: set[bytes] = set()
    for first, last in _chunks(texts.offsets):
        offsets = texts.offsets[first : last + 1]
        prompts = texts.prompt_turns(slice(first, last))
        answers = texts.completion_turns(slice(int(offsets[0]), int(offsets[-1])))
        repeated = [prompt for prompt, n in zip(prompts, np.diff(offsets), strict=True) for _ in range(n)]
        prompt_ids = encoder.prompts(prompts)
        answer_ids = encoder.answers(repeated, answers) if answers else []
        for number, ids in enumerate(prompt_ids):
            if prompts_alone:
                fed = fit_prompt(ids, encoder.frame)
                sequences.counts["prompts_cut"] += fed is not ids
                sequences.prompt_keys.append(_add(sequences, seen, fed))
            prompt_answers = answer_ids[offsets[number] - offsets[0] : offsets[number + 1] - offsets[0]]
            windows, counts = fit_answers(ids, prompt_answers, encoder.frame)
            sequences.counts.update(counts)
            sequences.completion_keys += [_add(sequences, seen, window) for window in windows]
    return sequences


def _add(sequences: Sequences, seen: set[bytes], ids: Ids) -> bytes:
    key = sequence_key(ids)
    if key not in seen:
        seen.add(key)
        sequences.keys.append(key)
        sequences.tokens.extend(ids)
        sequences.ends.append(len(sequences.tokens))
    return key


def sequence_key(ids: Sequence[int]) -> bytes:
    """Content hash of a token sequence (BLAKE2b-128)."""
    return hashlib.blake2b(np.asarray(ids, "<i4").tobytes(), digest_size=KEY_BYTES).digest()


def _chunks(offsets: np.ndarray) -> Iterator[tuple[int, int]]:
    # Whole prompts, about _CHUNK answers (or prompts) at a time.
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + _CHUNK, side="right")) - 1
        last = min(max(last, first + 1), first + _CHUNK)
        yield first, last
        first = last
