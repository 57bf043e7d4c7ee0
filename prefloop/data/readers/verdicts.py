"""Verdicts of one row: by a word, by one of several columns, by a signed number, by scores, by several people."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.data.readers.cells import Cells
from prefloop.data.readers.paths import Get, first_of, getter, is_nothing
from prefloop.data.readers.words import UnknownWord
from prefloop.labels.verdicts import Word

_SKIPPED = frozenset({"true", "discarded", "skipped", "skip", "1"})
# How the column of verdicts ends in a flattened export of Argilla.
_BESIDE = ".responses"
_NOT_YET = frozenset({"draft", "pending"})


@dataclass(frozen=True, slots=True)
class Vote:
    """One verdict, who gave it, and how strong it is."""

    verdict: Word | None
    strength: float | None = None
    annotator: str | None = None


def votes(row: Cells) -> list[Vote]:
    """The verdicts of one row; one without a verdict where nobody has judged.

    Raises:
        DataError: a word, number or list that is not understood.
    """
    if not row.has("votes.path"):
        return [_vote(row, row.values, "", row.name("annotator"))]
    cast = [vote for value in _cast(row) if (vote := _of_many(row, value)).verdict]
    return cast or [Vote(None)]


def _cast(row: Cells) -> Iterator[Mapping[str, Any]]:
    path = row.columned.source("votes.path")
    said = row.as_list("votes.path", row.get("votes.path")) or []
    if path.endswith(_BESIDE):
        said = _beside(row, path, said)
    elif path.startswith("responses.*"):
        said = _one_question(row, said)
    for value in said:
        if not isinstance(value, Mapping):
            raise row.error("votes.path", "a list of votes, each an object", value)
        yield value


def _beside(row: Cells, path: str, said: list[Any]) -> list[dict[str, Any]]:
    """Votes of a flattened export: verdicts in one column, who gave them and their status in columns beside it."""
    users, statuses = (row.as_list("votes.path", row.values.get(f"{path}.{name}")) for name in ("users", "status"))
    for others in (users, statuses):
        if others is not None and len(others) != len(said):
            raise row.error("votes.path", f"{len(others)} values, as many as the columns beside it have", said)
    return [
        {"value": value, "user_id": users and users[k], "status": statuses and statuses[k]}
        for k, value in enumerate(said)
    ]


def _one_question(row: Cells, first: list[Any]) -> list[Any]:
    """The votes of the one question of a record that is answered with verdicts; others may be comments."""
    questions = row.values.get("responses")
    answered = {name: votes for name, votes in questions.items() if votes} if isinstance(questions, dict) else {}
    fitting = [name for name, votes in answered.items() if isinstance(votes, list) and _are_verdicts(row, votes)]
    if len(fitting) > 1:
        got = f"the questions {', '.join(fitting)}"
        expected = f"one, or data.columns to say which (votes.path=responses.{fitting[0]}[])"
        raise row.error("votes.path", expected, got)
    return answered[fitting[0]] if fitting else first


def _are_verdicts(row: Cells, said: list[Any]) -> bool:
    values = [vote.get("value") for vote in said if isinstance(vote, dict) and not is_nothing(vote.get("value"))]
    return bool(values) and all(_is_verdict(row, value) for value in values)


def _is_verdict(row: Cells, value: Any) -> bool:
    if isinstance(value, list | dict):
        return _ranked(value) is not None
    try:
        return row.columned.vocabulary.read(value) is not None
    except UnknownWord:
        return False


def _of_many(row: Cells, values: Mapping[str, Any]) -> Vote:
    gets = row.columned.gets
    name = first_of(gets["votes.annotator"](values)) if "votes.annotator" in gets else None
    annotator = None if is_nothing(name) else str(name)
    status = str(gets["votes.status"](values)).strip().lower() if "votes.status" in gets else ""
    if status in _SKIPPED:
        return Vote("skip", None, annotator)
    return Vote(None) if status in _NOT_YET else _vote(row, values, "votes.", annotator)


def _vote(row: Cells, values: Mapping[str, Any], part: str, annotator: str | None) -> Vote:
    """The verdict that stands in a row, or in one of its votes; a word goes before numbers."""
    gets = row.columned.gets
    leaning = _leaning(row, gets, values, part)
    strength = None if leaning is None or leaning == 0 else abs(leaning)
    if "strength" in gets and not part:
        strength = row.as_number("strength", gets["strength"](values))
        if strength is not None and strength < 0:
            raise row.error("strength", "a number >= 0 (preference_a, preference_b are signed)", strength)
    verdict = _word(row, values, part)
    if verdict is None and leaning is not None:
        verdict = "tie" if leaning == 0 else "a" if leaning > 0 else "b"
    return Vote(verdict, (strength or None) if verdict in ("a", "b") else None, annotator)


def _leaning(row: Cells, gets: Mapping[str, Get], values: Mapping[str, Any], part: str) -> float | None:
    """How much better a is than b, below 0 where b is."""
    for field, sign in (("preference_a", 1), ("preference_b", -1)):
        if part + field in gets:
            number = row.as_number(part + field, gets[part + field](values))
            return None if number is None else sign * number
    if part or "score_a" not in gets or "score_b" not in gets:
        return None
    scores = [row.as_number(field, gets[field](values)) for field in ("score_a", "score_b")]
    return None if scores[0] is None or scores[1] is None else scores[0] - scores[1]


def _word(row: Cells, values: Mapping[str, Any], part: str) -> Word | None:
    gets = row.columned.gets
    if part + "label" not in gets:
        several = {field: get for field, get in gets.items() if field.startswith("label.")} if not part else {}
        return _marked(row, several) if several else None
    value = selected(gets[part + "label"](values))
    _check_agreement(row, values, part)
    if isinstance(value, list | dict):
        ranked = _ranked(value)
        value = ranked if ranked is not None else row.one_of(part + "label", value)
        if ranked is not None:
            return _order(row, ranked, part)
    try:
        return row.columned.vocabulary.read(value)
    except UnknownWord as error:
        return _by_model(row, gets, value) or _fail(row.error(part + "label", str(error), value))


def _check_agreement(row: Cells, values: Mapping[str, Any], part: str) -> None:
    """Refuse a vote with two verdicts, such as a side that is selected and the choice `tie`."""
    votes_of = row.columned.columns.votes
    paths = votes_of.label if part and votes_of is not None else None
    if not isinstance(paths, tuple):
        return
    words = {}
    for path in paths:
        value = first_of(getter(path, ())(values))
        if _is_verdict(row, value) and not isinstance(value, list | dict):
            words[row.columned.vocabulary.read(value)] = value
    if len(words) > 1:
        raise row.error(part + "label", "one verdict of one annotator", list(words.values()))


def selected(value: Any) -> Any:
    """What a control of an annotation tool holds: a side or one choice, also in a list or as JSON text."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    inner = value[0] if isinstance(value, list) and len(value) == 1 else value
    if not isinstance(inner, Mapping):
        return value
    if isinstance(inner.get("selected"), str):
        return inner["selected"]
    choices = inner.get("choices")
    return choices[0] if isinstance(choices, list) and len(choices) == 1 else value


def _fail(error: Exception) -> Word | None:
    raise error


def _by_model(row: Cells, gets: Mapping[str, Get], value: Any) -> Word | None:
    """A label that is the name of one of the two models."""
    if "model_a" not in gets or "model_b" not in gets or not isinstance(value, str):
        return None
    a, b = gets["model_a"](row.values), gets["model_b"](row.values)
    return None if a == b else "a" if value == a else "b" if value == b else None


def _marked(row: Cells, several: Mapping[str, Get]) -> Word | None:
    """The verdict whose column is 1, where all others are 0."""
    marked: list[Word] = []
    for field, get in several.items():
        number = row.as_number(field, get(row.values))
        if number not in (None, 0, 1):
            raise row.error(field, "0 or 1", number)
        if number:
            marked.append(field.removeprefix("label."))  # type: ignore[arg-type]
    if len(marked) > 1:
        raise row.error("label", f"one column of {', '.join(several)} that is 1", marked)
    return marked[0] if marked else None


def _ranked(value: Any) -> list[tuple[float, Any]] | None:
    """Answers with their ranks, of a list from best to worst or one with ranks; None where it is none."""
    if isinstance(value, dict) and isinstance(value.get("value"), list):
        names = value["value"]
        ranks = value.get("rank") or range(len(names))
        return list(zip(ranks, names, strict=False))
    if isinstance(value, list) and len(value) > 1 and all(isinstance(item, str) for item in value):
        return [(place, name) for place, name in enumerate(value)]
    if isinstance(value, list) and value and all(isinstance(item, dict) and "rank" in item for item in value):
        return [(item["rank"], item.get("value", item.get("name"))) for item in value]
    return None


def _order(row: Cells, ranked: list[tuple[float, Any]], part: str) -> Word | None:
    places: dict[Word | None, float] = {}
    for rank, name in ranked:
        try:
            places[row.columned.vocabulary.read(name)] = rank
        except UnknownWord:
            raise row.error(part + "label", "the two answers' columns, best first", name) from None
    a, b = places.get("a"), places.get("b")
    if len(places) != 2 or a is None or b is None:
        raise row.error(part + "label", "both answers' columns, best first", [name for _, name in ranked])
    return "tie" if a == b else "a" if a < b else "b"
