"""One pass over the records: texts to disk, everything else to compact columns."""

from __future__ import annotations

import logging
from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import numpy as np

from prefloop.data.prepared import AUTO, SPLITS
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.data.texts import TextTable
from prefloop.io.hashing import completion_id, prompt_id, text_id
from prefloop.labels.verdicts import COMPARED, turned

log = logging.getLogger("prefloop")

NONE = -1

_SPLIT_CODE: dict[str | None, int] = {None: AUTO, **{name: code for code, name in enumerate(SPLITS)}}
_VERDICT_CODE: dict[str | None, int] = {None: NONE, **{name: code for code, name in enumerate(COMPARED)}}
_LOG_EVERY = 250_000


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
        verdict: int8, index into COMPARED for first and second, or NONE.
        split: int8, index into SPLITS, or AUTO.
        source, annotator: int32, numbers of names; annotator may be NONE.
    """

    prompt: np.ndarray
    first: np.ndarray
    second: np.ndarray
    verdict: np.ndarray
    split: np.ndarray
    source: np.ndarray
    annotator: np.ndarray


@dataclass(frozen=True)
class Mentions(Columns):
    """What is said about single completions, one entry per answer of a K-response row or named model.

    Attributes:
        completion: int64, row of the completion.
        listed: bool, whether a K-response row offers it (else it only names the model of a pair's answer).
        model: int32, number of the name, or NONE.
        score: float64, NaN where none was given.
        split, source: as for PairRows.
    """

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
        completion_prompt: int64 [C], prompt of each completion.
        pairs, mentions: the rows.
        models, sources: the numbered names.
        counts: rows read and what was dropped at once.
    """

    prompts: TextTable
    completions: TextTable
    completion_prompt: np.ndarray
    pairs: PairRows
    mentions: Mentions
    models: list[str]
    sources: list[str]
    counts: Counter[str]

    def close(self) -> None:
        """Give the disk space of the texts back."""
        self.prompts.close()
        self.completions.close()


def collect(records: Iterable[Record], folder: Path) -> Collected:
    """Read all records once; `folder` holds the temporary files of the texts."""
    collector = _Collector(folder)
    for record in records:
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
        self.completion_prompt = array("q")
        self.pairs: list[array[Any]] = [array(kind) for kind in "qqqbbii"]
        self.mentions: list[array[Any]] = [array(kind) for kind in "qbidbi"]
        self.models, self.sources, self.annotators = _Names(), _Names(), _Names()
        self.seen: set[bytes] = set()
        self.counts: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        self.counts["rows"] += 1
        if self.counts["rows"] % _LOG_EVERY == 0:
            log.info("prepare: %d rows read", self.counts["rows"])
        if not record.prompt or record.prompt.isspace():
            self.counts["empty_prompt"] += 1
        elif isinstance(record, PairRecord):
            self._add_pair(record)
        else:
            self._add_responses(record)

    def _add_pair(self, record: PairRecord) -> None:
        a, b = record.completion_a, record.completion_b
        if not a or not b or a.isspace() or b.isspace():
            self.counts["empty_answer"] += 1
            return
        if a == b:
            self.counts["identical_answers"] += 1
            return
        identity = prompt_id(record.prompt)
        prompt = self.prompts.add(identity, record.prompt)
        a_id, b_id = completion_id(identity, a), completion_id(identity, b)
        first, second = self._completion(prompt, a_id, a), self._completion(prompt, b_id, b)
        self._add_model(first, record.model_a, record)
        self._add_model(second, record.model_b, record)
        verdict = _VERDICT_CODE[record.verdict]
        if a_id > b_id:
            first, second, verdict = second, first, turned(verdict)
        split, source = _SPLIT_CODE[record.split], self.sources[record.source]
        row = (prompt, first, second, verdict, split, source, self.annotators[record.annotator])
        for column, value in zip(self.pairs, row, strict=True):
            column.append(value)

    def _add_model(self, completion: int, model: str | None, record: PairRecord) -> None:
        if model is not None:
            row = (
                completion,
                0,
                self.models[model],
                np.nan,
                _SPLIT_CODE[record.split],
                self.sources[record.source],
            )
            self._mention(row)

    def _add_responses(self, record: ResponsesRecord) -> None:
        identity = prompt_id(record.prompt)
        answers = _answers(record)
        self.counts["empty_answer"] += len(record.completions) - len(answers)
        if not answers or self._is_repeated(identity, record, answers):
            return
        prompt = self.prompts.add(identity, record.prompt)
        split, source = _SPLIT_CODE[record.split], self.sources[record.source]
        for text, model, score in answers:
            completion = self._completion(prompt, completion_id(identity, text), text)
            self._mention((completion, 1, self.models[model], np.nan if score is None else score, split, source))

    def _is_repeated(
        self, identity: str, record: ResponsesRecord, answers: list[tuple[str, str | None, float | None]]
    ) -> bool:
        parts = sorted(text_id(text, repr(model), repr(score)) for text, model, score in answers)
        key = bytes.fromhex(text_id(identity, repr(record.split), *parts))
        if key in self.seen:
            self.counts["duplicate_rows"] += 1
            return True
        self.seen.add(key)
        return False

    def _completion(self, prompt: int, identity: str, text: str) -> int:
        row = self.completions.add(identity, text)
        if row == len(self.completion_prompt):
            self.completion_prompt.append(prompt)
        return row

    def _mention(self, row: tuple[int, int, int, float, int, int]) -> None:
        for column, value in zip(self.mentions, row, strict=True):
            column.append(value)

    def finish(self) -> Collected:
        pairs = [np.frombuffer(column, dtype=column.typecode) for column in self.pairs]
        completion, listed, *others = (np.frombuffer(column, dtype=column.typecode) for column in self.mentions)
        return Collected(
            prompts=self.prompts,
            completions=self.completions,
            completion_prompt=np.frombuffer(self.completion_prompt, dtype=np.int64),
            pairs=PairRows(*pairs),
            mentions=Mentions(completion, listed.astype(bool), *others),
            models=self.models.listed(),
            sources=self.sources.listed(),
            counts=self.counts,
        )


def _answers(record: ResponsesRecord) -> list[tuple[str, str | None, float | None]]:
    none: tuple[None, ...] = (None,) * len(record.completions)
    answers = zip(record.completions, record.models or none, record.scores or none, strict=True)
    return [answer for answer in answers if answer[0] and not answer[0].isspace()]
