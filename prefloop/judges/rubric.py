"""What a language model is asked, and what counts as its answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from prefloop.labels.verdicts import TIE, A, B

_PLACE = re.compile(r"\{(prompt|first|second)\}")
_QUOTED = ('"{}"', "'{}'", "`{}`", "“{}”", "‘{}’")
_FORMS = ("{}", "{}.", *_QUOTED, *(form + "." for form in _QUOTED), *(form.format("{}.") for form in _QUOTED))
_ANSWERS = {
    form.format(letter): verdict for letter, verdict in zip("abc", (A, B, TIE), strict=True) for form in _FORMS
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


def fill_in(rubric: str, prompt: str, first: str, second: str) -> str:
    """The rubric with its three places filled, whatever braces the texts themselves hold."""
    texts = {"prompt": prompt, "first": first, "second": second}
    return _PLACE.sub(lambda place: texts[place[1]], rubric)


def read_letter(text: str) -> int | None:
    """A, B or TIE where the text is exactly the letter A, B or C, else None.

    Case, white space around it, one pair of quotation marks and one final period are let pass.
    """
    return _ANSWERS.get(text.strip().lower())


def read_reply(body: str, calls: int) -> Reply:
    """Read the body of a chat completion; anything that is not one has no verdict."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return Reply(None, f"no JSON: {_short(body)}", calls, 0)
    tokens = _tokens(content)
    try:
        choice = content["choices"][0]
        text = choice["message"]["content"]
    except (KeyError, IndexError, TypeError):
        return Reply(None, f"no chat completion: {_short(body)}", calls, tokens)
    end = choice.get("finish_reason")
    if text is None or (isinstance(text, str) and not text.strip()):
        return Reply(None, f"an empty answer (finish_reason: {end})", calls, tokens)
    verdict = read_letter(text) if isinstance(text, str) else None
    reason = None if verdict is not None else f"no single letter A, B or C: {_short(text)} (finish_reason: {end})"
    return Reply(verdict, reason, calls, tokens)


def _tokens(content: object) -> int:
    usage = content.get("usage") if isinstance(content, dict) else None
    if not isinstance(usage, dict):
        return 0
    parts = [_count(usage.get(name)) for name in ("prompt_tokens", "completion_tokens")]
    return _count(usage.get("total_tokens")) or sum(parts)


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _short(value: object, limit: int = 80) -> str:
    text = " ".join(str(value).split())
    return repr(text if len(text) <= limit else f"{text[: limit - 1]}…")
