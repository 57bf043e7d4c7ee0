"""What every source of preferences yields: comparisons, prompts with K completions, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass

from prefloop.config.data import SplitName
from prefloop.labels.verdicts import Word
from prefloop.messages.message import Turns


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record came from, for messages."""

    path: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class PairRecord:
    """One comparison of two completions of a prompt.

    Attributes:
        prompt: what is answered.
        completion_a, completion_b: the two answers, in the order of the source.
        verdict: the hidden answer in that order, or None where nobody has given one.
        source: name of the data set or file, for reports.
        split: a fixed split, or None to divide by the hash of the prompt's normal form.
        place: file and row, for messages.
        model_a, model_b: names of the models behind the completions, where known.
        annotator: who gave the verdict, where known; two annotators are two votes.
        strength: how much better the winner is, as the source counts it, above 0; None where it does not say.
        id: what the user calls the row, as it stands there; several rows may have the same, None has none.
    """

    prompt: Turns
    completion_a: Turns
    completion_b: Turns
    verdict: Word | None
    source: str
    split: SplitName | None = None
    place: Place | None = None
    model_a: str | None = None
    model_b: str | None = None
    annotator: str | None = None
    strength: float | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ResponsesRecord:
    """A prompt with K completions, from which pairs can be formed.

    Attributes:
        prompt: what is answered.
        completions: K answers.
        scores: K hidden scores, higher is better, None for an answer without one; or None where nobody has given
            any.
        models: K names of the models behind the completions, or None.
        source, split, place: as for PairRecord.
        ids: what the user calls the rows it was made from: one, or several single answers.
    """

    prompt: Turns
    completions: tuple[Turns, ...]
    scores: tuple[float | None, ...] | None
    models: tuple[str, ...] | None
    source: str
    split: SplitName | None = None
    place: Place | None = None
    ids: tuple[str, ...] = ()


Record = PairRecord | ResponsesRecord


def own_ids(record: Record) -> tuple[str, ...]:
    """What the user calls the rows of a record."""
    if isinstance(record, ResponsesRecord):
        return record.ids
    return () if record.id is None else (record.id,)


@dataclass(frozen=True, slots=True)
class Unread:
    """A row, or one answer of a row, that is left out; it stands in the stream of records where it was met.

    Attributes:
        reason: why, in one of the words of `prefloop.messages.normalise.UNUSABLE`.
        place: file and row.
    """

    reason: str
    place: Place
