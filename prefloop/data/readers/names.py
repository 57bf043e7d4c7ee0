"""Columns by their names: which of a file's columns is the prompt, which the answers, which the verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from prefloop.errors import DataError

_PROMPTS = ("prompt",)
# Names of a question that is not called prompt; a row with two of them does not say which is answered.
# fmt: off
_QUESTIONS = (
    "question", "instruction", "query", "input", "context", "post", "history", "conversations", "conversation",
    "messages", "dialogue", "dialog", "chat_history", "request", "user_prompt", "user_message", "user_input",
    "user_query", "prompt_text", "input_text", "source_text", "article", "problem", "task", "chat", "user",
    "human", "message", "inputs", "questions", "instructions", "queries", "prompts",
)
_SYSTEMS = ("system", "system_prompt", "system_message", "system_instruction", "custom_system_prompt")
_LABELS = (
    "label", "winner", "preference", "preferred", "verdict", "choice", "vote", "judgment", "judgement",
    "comparison", "selected", "better", "human_preference", "human_label", "annotation", "preferred_response",
    "preferred_answer", "pw", "pairwise",
)
_ANNOTATORS = (
    "annotator", "annotator_id", "judge", "judge_id", "worker", "worker_id", "rater", "rater_id", "labeler",
    "labeller", "user_id", "annotated_by", "voter", "reviewer",
)
# Names of what a user calls a row, from the row itself to the question it belongs to.
_IDS = (
    "id", "_id", "uid", "uuid", "guid", "external_id", "pair_id", "comparison_id", "row_id", "record_id",
    "sample_id", "example_id", "item_id", "instance_id", "prompt_id", "question_id", "query_id", "qid",
    "conversation_id",
)
_STEMS = (
    "completion", "response", "answer", "output", "reply", "summary", "text", "generation", "candidate", "option",
    "continuation", "model_output", "assistant", "result", "message", "conversation", "story", "translation",
)
# fmt: on
_SUFFIXES = (("_a", "_b"), ("a", "b"), ("_0", "_1"), ("0", "1"), ("_1", "_2"), ("1", "2"), ("_j", "_k"))
_PREFIXES = (("a_", "b_"), ("left_", "right_"), ("first_", "second_"), ("model_a_", "model_b_"))
_BETTER = (
    ("chosen", "rejected"),
    ("preferred", "dispreferred"),
    ("preferred", "rejected"),
    ("accepted", "rejected"),
    ("chosen", "reject"),
    ("win", "lose"),
    ("winner_response", "loser_response"),
    ("better", "worse"),
    ("positive", "negative"),
    ("preferred_output", "non_preferred_output"),
)
_MANY = ("completions", "responses", "answers", "outputs", "candidates", "generations", "replies")
_SCORES = ("scores", "rewards", "ratings", "score", "reward", "rating")
_RANKS = ("ranks", "rankings", "ranking", "rank")
_MODELS = ("models", "model_names")


def normal(name: str) -> str:
    """A column's name with case, outer blanks and the kind of its inner blanks left out."""
    return re.sub(r"[\s\-.]+", "_", name.strip().lower())


def by_name(names: Sequence[str], given: Iterable[str], path: str) -> dict[str, Any]:
    """The fields that a file's columns are by their names.

    Args:
        names: all columns.
        given: fields that are settled already.
        path: file and row, for messages.

    Raises:
        DataError: two columns may be the same field.
    """
    there: dict[str, str] = {}
    for name in names:
        there.setdefault(normal(name), name)
    settled = set(given)
    fields = _answers(there, settled, path)
    if "completion_a" in fields and not {"label", "votes"} & (settled | {*fields}):
        fields |= _flattened(names, path)
    if not settled & {"prompt", "tree"}:
        fields |= _prompt(there, path, {*fields.values()} if all(map(_is_text, fields.values())) else set())
    for field, words in (("system", _SYSTEMS), ("annotator", _ANNOTATORS)):
        fields |= _first(there, field, words)
    return {field: name for field, name in fields.items() if field not in settled}


def id_by_name(names: Sequence[str], settled: Mapping[str, Any]) -> dict[str, str]:
    """The field `id`, where a column is called so that has no other meaning; nothing where it is settled."""
    there = {normal(name): name for name in reversed(names)}
    taken = {name for name in settled.values() if isinstance(name, str)}
    words = (word for word in _IDS if there.get(word) not in taken)
    return {} if "id" in settled else _first(there, "id", words)


@lru_cache(maxsize=64)  # asked at every row
def system_column(names: tuple[str, ...]) -> str | None:
    """The column with the system prompt, by its name; None where there is none."""
    return _first({normal(name): name for name in reversed(names)}, "system", _SYSTEMS).get("system")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _first(there: dict[str, str], field: str, words: Iterable[str]) -> dict[str, str]:
    name = next((there[word] for word in words if word in there), None)
    return {} if name is None else {field: name}


def _prompt(there: dict[str, str], path: str, taken: set[str]) -> dict[str, Any]:
    if fields := _first(there, "prompt", _PROMPTS):
        return fields
    questions = [there[word] for word in _QUESTIONS if word in there and there[word] not in taken]
    if questions == [there.get("instruction"), there.get("input")]:
        # The form of Alpaca: an instruction and, in some rows, what it is about.
        return {"prompt": questions[0], "addition": questions[1]}
    if len(questions) > 1:
        raise ambiguous(path, "prompt", questions)
    return {"prompt": questions[0]} if questions else {}


def ambiguous(path: str, field: str, columns: Sequence[str]) -> DataError:
    """The error that several columns may be one field."""
    return DataError(
        f"{path}, field '{field}': got the columns {', '.join(columns)}, each of which may be it; expected one, "
        f"or data.columns (--columns {field}={columns[0]}) to say which"
    )


def _answers(there: dict[str, str], settled: set[str], path: str) -> dict[str, Any]:
    if "completion" in settled:
        return {**_first(there, "score", _SCORES[3:]), **_first(there, "models", _MODELS)}
    if settled & {"completions", "tree"}:
        return _of_many(there)
    if settled & {"completion_a", "completion_b"}:
        return _of_pair(there, path, "", "")
    if settled & {"chosen", "rejected"}:
        return _of_choice(there)
    makers: list[Callable[[], dict[str, Any]]] = [
        lambda: _wide(there),
        lambda: _pair(there, path),
        lambda: _choice(there),
        lambda: _many(there),
    ]
    return next((fields for make in makers if (fields := make())), {})


def _pair(there: dict[str, str], path: str) -> dict[str, Any]:
    for stem in _STEMS:
        forms = [(stem + a, stem + b, a, b) for a, b in _SUFFIXES]
        forms += [(a + stem, b + stem, f"_{a[:-1]}", f"_{b[:-1]}") for a, b in _PREFIXES]
        for first, second, a, b in forms:
            if first in there and second in there:
                fields = {"completion_a": there[first], "completion_b": there[second]}
                return fields | _of_pair(there, path, a, b)
    return {}


def _flattened(names: Sequence[str], path: str) -> dict[str, Any]:
    """Votes in a column `QUESTION.responses`, as flattened exports of Argilla have them."""
    asked = [name for name in names if name.endswith(".responses") and normal(name[:-10]) in (*_LABELS, *_RANKS)]
    if len(asked) > 1:
        raise ambiguous(path, "votes.path", asked)
    inside = {"label": "value", "annotator": "user_id", "status": "status"}
    return {"votes": {"path": asked[0], **inside}} if asked else {}


def _of_pair(there: dict[str, str], path: str, a: str, b: str) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    labels = [there[word] for word in _LABELS if word in there]
    if len(labels) > 1 and normal(labels[0]) != "label":
        raise ambiguous(path, "label", labels)
    if labels:
        fields["label"] = labels[0]
    for x, y in ((a, b), ("_a", "_b")):
        if x and f"model{x}" in there and f"model{y}" in there:
            fields |= {"model_a": there[f"model{x}"], "model_b": there[f"model{y}"]}
    return fields


def _choice(there: dict[str, str]) -> dict[str, Any]:
    forms = [*_BETTER, *((f"{a}_{s}", f"{b}_{s}") for s in _STEMS for a, b in _BETTER[:3])]
    forms += [(f"{s}_{a}", f"{s}_{b}") for s in _STEMS for a, b in _BETTER[:3]]
    for first, second in forms:
        if first in there and second in there:
            return {"chosen": there[first], "rejected": there[second], **_of_choice(there)}
    return {}


def _of_choice(there: dict[str, str]) -> dict[str, Any]:
    for first, second in (("chosen_model", "rejected_model"), ("model_chosen", "model_rejected")):
        if first in there and second in there:
            return {"model_a": there[first], "model_b": there[second]}
    return {}


def _many(there: dict[str, str]) -> dict[str, Any]:
    fields = _first(there, "completions", _MANY)
    return fields | _of_many(there) if fields else {}


def _of_many(there: dict[str, str]) -> dict[str, Any]:
    scored = _first(there, "scores", _SCORES) or _first(there, "ranks", _RANKS)
    return {**scored, **_first(there, "models", _MODELS)}


def _wide(there: dict[str, str]) -> dict[str, Any]:
    """Three answers and more in columns of their own, with or without scores of the same numbers."""
    for stem in _STEMS:
        for joint in ("_", ""):
            for keys in ([str(k) for k in range(10)], [str(k) for k in range(1, 10)], list("abcdefgh")):
                count = next((k for k, key in enumerate(keys) if f"{stem}{joint}{key}" not in there), len(keys))
                if count >= 3:
                    return _columns(there, stem, joint, keys[:count])
    return {}


def _columns(there: dict[str, str], stem: str, joint: str, keys: list[str]) -> dict[str, Any]:
    fields: dict[str, Any] = {"completions": tuple(there[f"{stem}{joint}{key}"] for key in keys)}
    for field, words in (("scores", ("score", "rating", "reward")), ("ranks", ("rank",)), ("models", ("model",))):
        for word in words:
            columns = [there.get(f"{word}{joint}{key}") for key in keys]
            if all(columns) and field not in fields:
                fields[field] = tuple(columns)
    return fields
