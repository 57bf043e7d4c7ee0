"""The forms of a preference file: which fields a row has, and what they say."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prefloop.config.data import SplitName
from prefloop.data.readers.conversation import is_conversation, render, shared_messages, split_texts
from prefloop.data.readers.row import Row
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import DataError
from prefloop.labels.verdicts import COMPARED
from prefloop.messages.message import Turns
from prefloop.messages.normalise import read_completion, read_prompt


@dataclass(frozen=True)
class Origin:
    """What a record inherits from its file: the name in reports, and the split, None to divide by prompt."""

    source: str
    split: SplitName | None


@dataclass(frozen=True)
class Form:
    """One form: the fields that tell it, those it may have besides, and how a row is read."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    parse: Callable[[Row, Origin], Record]


def given_pair(row: Row, origin: Origin) -> PairRecord:
    """Read two named completions and perhaps a label: a, b, tie, or none.

    0 and 1 are refused: data sets disagree on whether they number the winner or say that the first wins.
    """
    label = row.values.get("label")
    if label is not None and label != "" and (not isinstance(label, str) or label not in COMPARED):
        raise row.error("label", "'a', 'b' or 'tie' (or null, where nobody has judged)")
    return PairRecord(
        prompt=_prompt(row, "prompt"),
        completion_a=_completion(row, "completion_a"),
        completion_b=_completion(row, "completion_b"),
        verdict=label or None,
        source=origin.source,
        split=origin.split,
        place=row.place,
        model_a=row.name("model_a"),
        model_b=row.name("model_b"),
        annotator=row.name("annotator"),
    )


def explicit_prompt(row: Row, origin: Origin) -> PairRecord:
    """Read TRL's `prompt`, `chosen`, `rejected`.

    Where chosen and rejected are whole conversations, the messages they share are the prompt.
    """
    if _is_whole_conversation(row, "chosen") and _is_whole_conversation(row, "rejected"):
        return implicit_prompt(row, origin)
    return _chosen(row, origin, _prompt(row, "prompt"), _completion(row, "chosen"), _completion(row, "rejected"))


def implicit_prompt(row: Row, origin: Origin) -> PairRecord:
    """Read TRL's `chosen`, `rejected` without a prompt: it is what the two share at the beginning."""
    chosen, rejected = row.values.get("chosen"), row.values.get("rejected")
    if is_conversation(chosen) and is_conversation(rejected):
        return _from_conversations(row, origin, chosen, rejected)
    parts = split_texts(row.text("chosen"), row.text("rejected"))
    if parts is None:
        raise row.error("prompt", "a field prompt, or chosen and rejected that begin with the same words")
    prompt, first, second = parts
    for field, answer in (("chosen", first), ("rejected", second)):
        if not answer:
            raise row.error(field, "an answer after the prompt that chosen and rejected share")
    return _chosen(row, origin, Turns(prompt), Turns(first), Turns(second))


def responses(row: Row, origin: Origin) -> ResponsesRecord:
    """Read a prompt with K completions and perhaps their scores and models."""
    completions = tuple(map(Turns, row.texts("completions")))
    return ResponsesRecord(
        prompt=_prompt(row, "prompt"),
        completions=completions,
        scores=row.numbers("scores", len(completions)),
        models=row.names("models", len(completions)),
        source=origin.source,
        split=origin.split,
        place=row.place,
    )


# In this order: a row with the fields of several forms has the first of them.
FORMS: dict[str, Form] = {
    "given pairs": Form(
        ("prompt", "completion_a", "completion_b"), ("label", "annotator", "model_a", "model_b"), given_pair
    ),
    "explicit prompt": Form(("prompt", "chosen", "rejected"), ("annotator",), explicit_prompt),
    "implicit prompt": Form(("chosen", "rejected"), ("annotator",), implicit_prompt),
    "responses": Form(("prompt", "completions"), ("scores", "models"), responses),
}


def detect_form(fields: Iterable[str], path: str) -> str:
    """Name of the first form whose required fields are all there.

    Raises:
        DataError: no form fits; the message names the fields that came and those of every form.
    """
    names = list(fields)
    for name, form in FORMS.items():
        if set(form.required) <= set(names):
            return name
    wanted = "; ".join(f"{name}: {', '.join(form.required)}" for name, form in FORMS.items())
    came = ", ".join(names) if names else "no fields"
    raise DataError(f"{path}: got the fields {came}; expected those of one form ({wanted})")


def _is_whole_conversation(row: Row, field: str) -> bool:
    # One that starts with an answer continues the prompt instead of repeating it.
    value = row.values.get(field)
    return is_conversation(value) and value[0].get("role") not in ("assistant", None)


def _from_conversations(row: Row, origin: Origin, chosen: list, rejected: list) -> PairRecord:
    shared = shared_messages(chosen, rejected)
    if not shared:
        raise row.error("prompt", "conversations chosen and rejected that begin with the same messages")
    render(chosen, row, "chosen"), render(rejected, row, "rejected")
    first, second = read_completion(chosen[shared:], {}), read_completion(rejected[shared:], {})
    return _chosen(row, origin, read_prompt(chosen[:shared], {}), first, second)


def _prompt(row: Row, field: str) -> Turns:
    text = row.text(field)
    return read_prompt(row.values[field], {}) if is_conversation(row.values[field]) else Turns(text)


def _completion(row: Row, field: str) -> Turns:
    text = row.text(field)
    return read_completion(row.values[field], {}) if is_conversation(row.values[field]) else Turns(text)


def _chosen(row: Row, origin: Origin, prompt: Turns, chosen: Turns, rejected: Turns) -> PairRecord:
    return PairRecord(
        prompt=prompt,
        completion_a=chosen,
        completion_b=rejected,
        verdict="a",
        source=origin.source,
        split=origin.split,
        place=row.place,
        annotator=row.name("annotator"),
    )
