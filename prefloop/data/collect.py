"""One pass over the records: texts and messages to disk, everything else to compact columns."""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa

from prefloop.data.own_ids import OwnIds
from prefloop.data.prepared import AUTO, SPLITS
from prefloop.data.records import PairRecord, Record, ResponsesRecord, Unread
from prefloop.data.spelling import question
from prefloop.data.texts import TextTable
from prefloop.io.hashing import completion_id, prompt_id, text_id
from prefloop.labels.verdicts import WORDS, turned
from prefloop.messages.message import Turns

log = logging.getLogger("prefloop")

NONE = -1

_SPLIT_CODE: dict[str | None, int] = {None: AUTO, **{name: code for code, name in enumerate(SPLITS)}}
_VERDICT_CODE: dict[str | None, int] = {None: NONE, **{name: code for code, name in enumerate(WORDS)}}
_LOG_EVERY = 250_000

# An answer of a K-response row: turns and their messages as JSON, model, score.
_Said = tuple[Turns, str | None, str | None, float | None]


@dataclass(frozen=True)
class Columns:
    """Equally long arrays, one entry a row."""

    def where(self, mask: np.ndarray) -> Self:
        """The rows that a mask, or an array of row numbers, selects."""
        return type(self)(*(getattr(self, field.name)[mask] for field in fields(self)))


@dataclass(frozen=True)
class PairRows(Columns):
    """Given comparisons as read, the completion with the smaller id first.

    Attributes:
        prompt, first, second: int64, rows of prompt and completions in the order of collection.
        verdict: int8, index into WORDS for first and second, or NONE.
        split: int8, index into SPLITS, or AUTO.
        source, annotator: int32, numbers of names; annotator may be NONE.
        strength: float64, how much better the winner is, or NONE.
        own_id: int64, number of the user's id, or NONE.
    """

    prompt: np.ndarray
    first: np.ndarray
    second: np.ndarray
    verdict: np.ndarray
    split: np.ndarray
    source: np.ndarray
    annotator: np.ndarray
    strength: np.ndarray
    own_id: np.ndarray


@dataclass(frozen=True)
class Called(Columns):
    """What the user calls rows of K responses, one entry per row and id.

    Attributes:
        prompt: int64, row.
        own_id: int64, number of the user's id.
        split: as for PairRows.
    """

    prompt: np.ndarray
    own_id: np.ndarray
    split: np.ndarray


@dataclass(frozen=True)
class Mentions(Columns):
    """What is said about single completions, one entry per answer of a K-response row or named model.

    Attributes:
        prompt, completion: int64, rows.
        listed: bool, whether a K-response row offers it (else it only names the model of a pair's answer).
        model: int32, number of the name, or NONE.
        score: float64, NaN where none was given.
        split, source: as for PairRows.
    """

    prompt: np.ndarray
    completion: np.ndarray
    listed: np.ndarray
    model: np.ndarray
    score: np.ndarray
    split: np.ndarray
    source: np.ndarray


@dataclass(frozen=True)
class Collected:
    """All records in columns.

    Attributes:
        prompts, completions: the texts and ids.
        prompt_normal: uint8 [Q, 16], id of each prompt's normal form; its own where it is its own normal form.
        completion_prompt: int64 [C], prompt of each completion.
        pairs, mentions, called: the rows; none of them has a text with other messages than those that stand for
            it.
        models, sources, annotators: the numbered names.
        own_ids: the user's ids, large Arrow strings, sorted and distinct.
        counts: rows read and what was dropped at once.
        unread: what the reader has left out, by reason.
    """

    prompts: TextTable
    completions: TextTable
    prompt_normal: np.ndarray
    completion_prompt: np.ndarray
    pairs: PairRows
    mentions: Mentions
    called: Called
    models: list[str]
    sources: list[str]
    annotators: list[str]
    own_ids: pa.Array
    counts: Counter[str]
    unread: Counter[str]

    def close(self) -> None:
        """Give the disk space of the texts back."""
        self.prompts.close()
        self.completions.close()


def collect(records: Iterable[Record | Unread], folder: Path) -> Collected:
    """Read all records once; `folder` holds the temporary files of the texts."""
    collector = _Collector(folder)
    for record in records:
        if isinstance(record, Unread):
            collector.unread[record.reason] += 1
        else:
            collector.add(record)
    return collector.finish()


class _Names(dict[str | None, int]):
    def __missing__(self, name: str | None) -> int:
        self[name] = NONE if name is None else len(self) - (None in self)
        return self[name]

    def listed(self) -> list[str]:
        return [name for name in self if name is not None]


class _Collector:
    def __init__(self, folder: Path) -> None:
        self.prompts, self.completions = TextTable(folder), TextTable(folder)
        self.prompt_normal = bytearray()
        self.completion_prompt = array("q")
        self.pairs: list[array[Any]] = [array(kind) for kind in "qqqbbiidq"]
        self.mentions: list[array[Any]] = [array(kind) for kind in "qqbidbi"]
        self.called: list[array[Any]] = [array(kind) for kind in "qqb"]
        self.own_ids = OwnIds()
        self.models, self.sources, self.annotators = _Names(), _Names(), _Names()
        self.seen: set[bytes] = set()
        self.counts: Counter[str] = Counter()
        self.unread: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        self.counts["rows"] += 1
        if self.counts["rows"] % _LOG_EVERY == 0:
            log.info("prepare: %d rows read", self.counts["rows"])
        if _is_blank(record.prompt):
            self.counts["empty_prompt"] += 1
        elif isinstance(record, PairRecord):
            self._add_pair(record)
        else:
            self._add_responses(record)

    def _add_pair(self, record: PairRecord) -> None:
        a, b = record.completion_a, record.completion_b
        if _is_blank(a) or _is_blank(b):
            self.counts["empty_answer"] += 1
            return
        if a.plain == b.plain:
            self.counts["identical_answers" if a.messages == b.messages else "ambiguous"] += 1
            return
        identity = prompt_id(record.prompt.plain)
        prompt = self._prompt(identity, record.prompt)
        a_id, b_id = completion_id(identity, a.plain), completion_id(identity, b.plain)
        first, second = self._completion(prompt, a_id, a, a.kept), self._completion(prompt, b_id, b, b.kept)
        self._add_model(prompt, first, record.model_a, record)
        self._add_model(prompt, second, record.model_b, record)
        verdict = _VERDICT_CODE[record.verdict]
        if a_id > b_id:
            first, second, verdict = second, first, turned(verdict)
        split, source = _SPLIT_CODE[record.split], self.sources[record.source]
        strength = NONE if record.strength is None else record.strength
        annotator = self.annotators[record.annotator]
        own_id = NONE if record.id is None else self.own_ids.add(record.id)
        _append(self.pairs, (prompt, first, second, verdict, split, source, annotator, strength, own_id))

    def _add_model(self, prompt: int, completion: int, model: str | None, record: PairRecord) -> None:
        if model is not None:
            split, source = _SPLIT_CODE[record.split], self.sources[record.source]
            self._mention((prompt, completion, 0, self.models[model], np.nan, split, source))

    def _add_responses(self, record: ResponsesRecord) -> None:
        identity = prompt_id(record.prompt.plain)
        answers = _answers(record)
        self.counts["empty_answer"] += len(record.completions) - len(answers)
        if not answers:
            return
        prompt = self._prompt(identity, record.prompt)
        split, source = _SPLIT_CODE[record.split], self.sources[record.source]
        for own_id in record.ids:
            _append(self.called, (prompt, self.own_ids.add(own_id), split))
        if self._is_repeated(identity, record, answers):
            return
        for turns, kept, model, score in answers:
            completion = self._completion(prompt, completion_id(identity, turns.plain), turns, kept)
            hidden = np.nan if score is None else score
            self._mention((prompt, completion, 1, self.models[model], hidden, split, source))

    def _is_repeated(self, identity: str, record: ResponsesRecord, answers: list[_Said]) -> bool:
        parts = sorted(
            text_id(turns.plain, kept or "", repr(model), repr(score)) for turns, kept, model, score in answers
        )
        key = bytes.fromhex(text_id(identity, record.prompt.kept or "", repr(record.split), *parts))
        if key in self.seen:
            self.counts["duplicate_rows"] += 1
            return True
        self.seen.add(key)
        return False

    def _prompt(self, identity: str, turns: Turns) -> int:
        row = self.prompts.add(identity, turns.plain, turns.kept)
        if 16 * row == len(self.prompt_normal):
            form = question(turns)
            self.prompt_normal += bytes.fromhex(identity if form == turns.plain else prompt_id(form))
        return row

    def _completion(self, prompt: int, identity: str, turns: Turns, kept: str | None) -> int:
        row = self.completions.add(identity, turns.plain, kept)
        if row == len(self.completion_prompt):
            self.completion_prompt.append(prompt)
        return row

    def _mention(self, row: tuple[int, int, int, int, float, int, int]) -> None:
        _append(self.mentions, row)

    def finish(self) -> Collected:
        number, own_ids = self.own_ids.sorted()
        columns = [np.frombuffer(column, dtype=column.typecode) for column in self.pairs]
        columns[-1] = np.append(number, NONE)[columns[-1]]
        pairs = PairRows(*columns)
        called_prompt, own_id, called_split = (
            np.frombuffer(column, dtype=column.typecode) for column in self.called
        )
        called = Called(called_prompt, number[own_id], called_split)
        prompt, completion, listed, *others = (
            np.frombuffer(column, dtype=column.typecode) for column in self.mentions
        )
        mentions = Mentions(prompt, completion, listed.astype(bool), *others)
        # Rows are those of turns that stand for their id, and their number is that of all turns that came.
        standing, answer = self.prompts.standing(), self.completions.standing()
        stands, answer_stands = standing == np.arange(len(standing)), answer == np.arange(len(answer))
        keep_pairs = stands[pairs.prompt] & answer_stands[pairs.first] & answer_stands[pairs.second]
        keep_mentions = stands[mentions.prompt] & answer_stands[mentions.completion]
        self.counts["ambiguous"] += int((~keep_pairs).sum() + (mentions.listed & ~keep_mentions).sum())
        return Collected(
            prompts=self.prompts,
            completions=self.completions,
            prompt_normal=np.frombuffer(self.prompt_normal, dtype=np.uint8).reshape(-1, 16),
            completion_prompt=standing[np.frombuffer(self.completion_prompt, dtype=np.int64)],
            pairs=pairs if keep_pairs.all() else pairs.where(keep_pairs),
            mentions=mentions if keep_mentions.all() else mentions.where(keep_mentions),
            called=called.where(stands[called.prompt]),
            models=self.models.listed(),
            sources=self.sources.listed(),
            annotators=self.annotators.listed(),
            own_ids=own_ids,
            counts=self.counts,
            unread=self.unread,
        )


def _append(columns: list[array[Any]], row: tuple[float, ...]) -> None:
    for column, value in zip(columns, row, strict=True):
        column.append(value)


def _answers(record: ResponsesRecord) -> list[_Said]:
    none: tuple[None, ...] = (None,) * len(record.completions)
    answers = zip(record.completions, record.models or none, record.scores or none, strict=True)
    return [(turns, turns.kept, model, score) for turns, model, score in answers if not _is_blank(turns)]


def _is_blank(turns: Turns) -> bool:
    return not turns.plain or turns.plain.isspace()
