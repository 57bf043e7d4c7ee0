"""Question put to a language model, and the letters that count as its answer."""

from __future__ import annotations

import re

from prefloop.labels.verdicts import TIE, A, B

_PLACE = re.compile(r"\{(prompt|first|second)\}")
_QUOTED = ('"{}"', "'{}'", "`{}`", "“{}”", "‘{}’")
_FORMS = ("{}", "{}.", *_QUOTED, *(form + "." for form in _QUOTED), *(form.format("{}.") for form in _QUOTED))
_ANSWERS = {
    form.format(letter): verdict for letter, verdict in zip("abc", (A, B, TIE), strict=True) for form in _FORMS
}


def fill_in(rubric: str, prompt: str, first: str, second: str) -> str:
    """The rubric with its three places filled, whatever braces the texts themselves hold."""
    texts = {"prompt": prompt, "first": first, "second": second}
    return _PLACE.sub(lambda place: texts[place[1]], rubric)


def read_letter(text: str) -> int | None:
    """A, B or TIE where the text is exactly the letter A, B or C, else None.

    Case, white space around it, one pair of quotation marks and one final period are let pass.
    """
    return _ANSWERS.get(text.strip().lower())
