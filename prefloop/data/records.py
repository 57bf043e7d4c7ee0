"""What every source of preferences yields: one comparison, or one prompt with K completions."""

from __future__ import annotations

from dataclasses import dataclass

from prefloop.config.data import SplitName
from prefloop.labels.verdicts import Compared


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record came from, for messages."""

    path: str
    row: int | None = None


@dataclass(frozen=True, slots=True)
class PairRecord:
    """One comparison of two completions of a prompt.

    Attributes:
        prompt: the prompt's text.
        completion_a, completion_b: the two answers, in the order of the source.
        verdict: the hidden answer in that order, or None where nobody has given one.
        source: name of the data set or file, for reports.
        split: a fixed split, or None to divide by the hash of the prompt.
        place: file and row, for messages.
        model_a, model_b: names of the models behind the completions, where known.
        annotator: who gave the verdict, where known; two annotators are two votes.
    """

    prompt: str
    completion_a: str
    completion_b: str
    verdict: Compared | None
    source: str
    split: SplitName | None = None
    place: Place | None = None
    model_a: str | None = None
    model_b: str | None = None
    annotator: str | None = None


@dataclass(frozen=True, slots=True)
class ResponsesRecord:
    """A prompt with K completions, from which pairs can be formed.

    Attributes:
        prompt: the prompt's text.
        completions: K answers.
        scores: K hidden scores, higher is better, or None where nobody has given them.
        models: K names of the models behind the completions, or None.
        source, split, place: as for PairRecord.
    """

    prompt: str
    completions: tuple[str, ...]
    scores: tuple[float, ...] | None
    models: tuple[str, ...] | None
    source: str
    split: SplitName | None = None
    place: Place | None = None


Record = PairRecord | ResponsesRecord
