"""Reading of a service's reply: one finished chat completion with one text, or the reason why it is none."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from prefloop.judges.rubric import read_letter

Show = Callable[[str, int], str]
"""Makes foreign text fit to be shown, in so many characters at most (`redaction.shown`)."""

_EXCERPT = 80
_MOST_TOKENS = 10**8  # of one request; the longest contexts have some 10**7
# OpenAI's word, and those of servers that name the token or text that ended the answer.
_FINISHED = (None, "stop", "eos_token", "stop_sequence", "end_turn")
_ENDS = {
    "length": "cut off at max_tokens (finish_reason: length)",
    "content_filter": "withheld by the service (finish_reason: content_filter)",
}


@dataclass(frozen=True)
class Reply:
    """What came back from one question.

    Attributes:
        verdict: A: the first shown is better, B: the second, TIE; None where that can't be told.
        reason: why it can't.
        calls: requests it took.
        tokens: read and written, 0 where the service does not count them.
    """

    verdict: int | None
    reason: str | None
    calls: int
    tokens: int


@dataclass(frozen=True)
class Refusal:
    """The error that a service reports; empty where it says nothing."""

    message: str
    code: str
    param: str


class _Unfit(Exception):
    """A reply that is no answer; the message says why."""


def read_reply(body: bytes, content_type: str, calls: int, show: Show) -> Reply:
    """The verdict of a reply with a status of success; whatever is odd about it is no verdict.

    Args:
        body: as it came, unpacked.
        content_type: the header, empty where there is none.
        calls: requests it took.
        show: see `Show`.
    """
    tokens = 0
    try:
        content = _completion(body, content_type, show)
        tokens = _tokens(content)
        text = _text(content, show)
    except _Unfit as unfit:
        return Reply(None, str(unfit), calls, tokens)
    verdict = read_letter(text)
    if verdict is None:
        return Reply(None, f"no single letter A, B or C: '{show(text, _EXCERPT)}'", calls, tokens)
    return Reply(verdict, None, calls, tokens)


def read_refusal(body: bytes) -> Refusal:
    """The error in a reply with a status of failure, in whatever form it comes."""
    text = body.decode("utf-8", "replace")
    try:
        content = _strict(text)
    except (ValueError, RecursionError):
        return Refusal(text, "", "")
    error = content.get("error", content) if isinstance(content, dict) else content
    facts = error if isinstance(error, dict) else {"message": error}
    message, code, param = (_word(facts.get(name)) for name in ("message", "code", "param"))
    return Refusal(message or text, code, param)


def _completion(body: bytes, content_type: str, show: Show) -> dict[str, Any]:
    def excerpt() -> str:
        return show(body.decode("utf-8", "replace"), _EXCERPT)

    kind = content_type.split(";")[0].strip().lower()
    if not (kind in ("", "text/plain") or kind.endswith(("/json", "+json"))):
        raise _Unfit(f"no JSON but '{show(kind, 40)}': '{excerpt()}'")
    try:
        content = _strict(body.decode("utf-8"))
    except json.JSONDecodeError:
        raise _Unfit(f"no JSON: '{excerpt()}'") from None
    except UnicodeDecodeError:
        raise _Unfit(f"no JSON, being no UTF-8: '{excerpt()}'") from None
    except RecursionError:
        raise _Unfit("no JSON that can be read: nested too deeply") from None
    except ValueError as error:
        raise _Unfit(f"no JSON that can be read: {show(str(error), _EXCERPT)}") from None
    if not isinstance(content, dict):
        raise _Unfit(f"no chat completion: '{excerpt()}'")
    if content.get("error"):
        raise _Unfit(f"an error in place of an answer: '{show(read_refusal(body).message, _EXCERPT)}'")
    if content.get("object") not in (None, "chat.completion"):
        raise _Unfit(f"no chat completion, by its object: '{excerpt()}'")
    return content


def _text(content: dict[str, Any], show: Show) -> str:
    choices = content.get("choices")
    if not isinstance(choices, list) or not choices:
        raise _Unfit("no chat completion: no choices")
    if len(choices) > 1:
        raise _Unfit(f"{len(choices)} choices, where one was asked for")
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(message, dict):
        raise _Unfit("no chat completion: a choice without a message")
    if message.get("role") not in (None, "assistant"):
        raise _Unfit("no chat completion: the message is not the assistant's")
    if refusal := message.get("refusal"):
        raise _Unfit(f"the model refuses: '{show(_word(refusal), _EXCERPT)}'")
    if message.get("tool_calls") or message.get("function_call"):
        raise _Unfit("a call of a tool, and none was offered")
    _check_end(choice.get("finish_reason"), show)
    return _checked_content(message.get("content"))


def _check_end(end: object, show: Show) -> None:
    if isinstance(end, str) and end in _ENDS:
        raise _Unfit(_ENDS[end])
    if not (end is None or isinstance(end, str)) or end not in _FINISHED:
        raise _Unfit(f"not finished (finish_reason: '{show(_word(end), 40)}')")


def _checked_content(text: object) -> str:
    if text is None or (isinstance(text, str) and not text.strip()):
        raise _Unfit("an empty answer")
    if not isinstance(text, str):
        raise _Unfit(f"no chat completion: the content is no text but a JSON {_kind(text)}")
    return text


def _tokens(content: dict[str, Any]) -> int:
    usage = content.get("usage")
    if usage is None:
        return 0
    if not isinstance(usage, dict):
        raise _Unfit("no chat completion: usage is no object")
    names = ("total_tokens", "prompt_tokens", "completion_tokens")
    total, *parts = (_count(name, usage.get(name)) for name in names)
    return total or sum(parts)


def _count(name: str, value: object) -> int:
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        raise _Unfit(f"usage that can't be: {name} is no whole number from 0 to {_MOST_TOKENS}")
    return value


def _strict(text: str) -> Any:
    """JSON as its standard has it: no NaN, no infinity, no key twice.

    Raises:
        ValueError, RecursionError: it is none.
    """
    return json.loads(text, object_pairs_hook=_unique, parse_constant=_no_number, parse_float=_finite)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError("a key stands twice in one object")
    return content


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _finite(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise ValueError("a number is too large")
    return value


def _word(value: object) -> str:
    """A text as it is, a number in digits; what else JSON has says nothing."""
    return value if isinstance(value, str) else str(value) if type(value) is int else ""


def _kind(value: object) -> str:
    return {list: "array", dict: "object", bool: "boolean"}.get(type(value), "number")
