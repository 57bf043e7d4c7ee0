"""Schemas of known preference data sets: how one of their rows becomes a record."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.config.data import SplitName
from prefloop.data.readers.conversation import split_texts
from prefloop.data.records import PairRecord, Place, Record, ResponsesRecord
from prefloop.messages.message import Turns

Row = Mapping[str, Any]
Parse = Callable[[Row, SplitName | None, Place], Record | None]


@dataclass(frozen=True)
class Preset:
    """One data set of the hub.

    Attributes:
        repository: its id on the hub.
        subset: name of its configuration, or None.
        revision: the revision used unless another is asked for; None is the default branch.
        splits: its splits and ours; one that is not named is divided by prompt.
        schema: the fields of a row, for messages.
        parse: row, split and place to record; None leaves the row out.
    """

    repository: str
    subset: str | None
    revision: str | None
    splits: Mapping[str, SplitName]
    schema: str
    parse: Parse


def _summaries(row: Row, split: SplitName | None, place: Place) -> PairRecord | None:
    info, summaries = row["info"], row["summaries"]
    if isinstance(summaries, Mapping):  # older conversions store a struct of lists
        summaries = [dict(zip(summaries, values, strict=True)) for values in zip(*summaries.values(), strict=True)]
    first, second = summaries
    is_news = info.get("post") is None
    return PairRecord(
        prompt=Turns(info["article"] if is_news else info["post"]),
        completion_a=Turns(first["text"].strip()),
        completion_b=Turns(second["text"].strip()),
        verdict=("a", "b")[int(row["choice"])],
        source="cnn_dm" if is_news else "tldr",
        split="ood" if is_news else split,
        place=place,
        model_a=first.get("policy"),
        model_b=second.get("policy"),
        annotator=row.get("worker"),
    )


def _posts_only(row: Row, split: SplitName | None, place: Place) -> PairRecord | None:
    return None if row["info"].get("post") is None else _summaries(row, split, place)


def _transcripts(row: Row, split: SplitName | None, place: Place) -> PairRecord:
    # Without a shared beginning there is no prompt: `prepare` drops such a row and counts it.
    prompt, chosen, rejected = split_texts(row["chosen"], row["rejected"]) or ("", "", "")
    return PairRecord(Turns(prompt), Turns(chosen), Turns(rejected), "a", "hh", split, place)


def _rated(row: Row, split: SplitName | None, place: Place) -> ResponsesRecord:
    # An answer that nobody rated is left out, so that all answers of a prompt can be compared.
    rated = [(answer, _score(answer)) for answer in row["completions"]]
    kept = [(answer, score) for answer, score in rated if score is not None]
    return ResponsesRecord(
        prompt=Turns(row["instruction"]),
        completions=tuple(Turns(answer["response"]) for answer, _ in kept),
        scores=tuple(score for _, score in kept),
        models=tuple(answer["model"] for answer, _ in kept),
        source="ultrafeedback",
        split=split,
        place=place,
    )


def _score(answer: Row) -> float | None:
    # The mean over aspects comes first: overall_score is known to hold tens that were meant as ones.
    for field in ("fine-grained_score", "overall_score"):
        value = answer.get(field)
        if value is not None and math.isfinite(float(value)):
            return float(value)
    return None


_SUMMARY_FIELDS = "info (post or article), summaries (two, with text and policy), choice (0 or 1)"
_SUMMARY_SPLITS: Mapping[str, SplitName] = {"train": "pool", "validation": "test"}
# The repository holds a loading script, which `datasets` no longer runs; the hub's own conversion has the rows.
_CONVERTED = "refs/convert/parquet"

PRESETS: dict[str, Preset] = {
    "tldr": Preset(
        "openai/summarize_from_feedback", "comparisons", _CONVERTED, _SUMMARY_SPLITS, _SUMMARY_FIELDS, _posts_only
    ),
    "cnn_dm": Preset(
        "openai/summarize_from_feedback", "comparisons", _CONVERTED, _SUMMARY_SPLITS, _SUMMARY_FIELDS, _summaries
    ),
    "hh": Preset(
        "Anthropic/hh-rlhf",
        None,
        None,
        {"train": "pool", "test": "test"},
        "chosen, rejected (texts)",
        _transcripts,
    ),
    "ultrafeedback": Preset(
        "openbmb/UltraFeedback",
        None,
        None,
        {},
        "instruction, completions (each with response, model and fine-grained_score or overall_score)",
        _rated,
    ),
}
