"""Verdict words by meaning: how data sets and annotation tools say which of two answers is better."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from prefloop.data.readers.paths import is_nothing
from prefloop.labels.verdicts import Word

_SAID: dict[Word, str] = {
    "a": "a, model a, response a, answer a, completion a, assistant a, option a, output a, left, first, a wins,"
    " a is better, a better, prefer a, a preferred, a>b, a>>b, [[a]], model a is better, response a is better,"
    " answer a is better, 1st, (a)",
    "b": "b, model b, response b, answer b, completion b, assistant b, option b, output b, right, second, b wins,"
    " b is better, b better, prefer b, b preferred, b>a, b>>a, [[b]], model b is better, response b is better,"
    " answer b is better, 2nd, (b)",
    "tie": "tie, tied, draw, equal, same, equals, even, neutral, no preference, equally good, both good,"
    " a=b, [[c]], tie (bothgood), tie (both good), about the same, the same, no difference, both are good,"
    " equal quality, no winner",
    "both_bad": "both bad, bothbad, neither, tie (bothbad), tie (both bad), none of them, both are bad,"
    " equally bad, neither is good",
    "skip": "skip, skipped, discarded, cannot say, can't say, unsure, not sure",
}
# Numbers say nothing by themselves, in whichever writing.
_NUMBERS = re.compile(r"[-+]?\d+(\.\d+)?|true|false|yes|no")
_BLANKS = re.compile(r"[\s_\-]+")
_SIGNS = re.compile(r" ?([<>=]+) ?")


def spelled(word: object) -> str:
    """A word with case, outer blanks and the kind of its inner blanks left out; a number as its digits."""
    text = str(word).strip().lower()
    if not _NUMBERS.fullmatch(text):
        return _SIGNS.sub(r"\1", _BLANKS.sub(" ", text))
    return f"{float(text):g}" if text[-1].isdigit() else text


WORDS: dict[str, Word] = {spelled(said): word for word, line in _SAID.items() for said in line.split(",")}


class UnknownWord(Exception):
    """A label that means nothing that is known; says what was expected."""


class Vocabulary:
    """The words of one file: a preset's, the user's, its answers' names, and those everybody uses."""

    def __init__(
        self, given: Mapping[str, Word], answer_a: Collection[str] = (), answer_b: Collection[str] = ()
    ) -> None:
        """Put the words together.

        Args:
            given: words of a preset and of the user, which go before all others.
            answer_a, answer_b: the columns under which the two answers stand.
        """
        a, b = ({spelled(name) for name in names} for names in (answer_a, answer_b))
        names: dict[str, Word] = {**dict.fromkeys(a - b, "a"), **dict.fromkeys(b - a, "b")}
        self._words = {**WORDS, **names, **{spelled(word): meaning for word, meaning in given.items()}}
        self._cache: dict[str, Word | None] = {}

    def read(self, value: Any) -> Word | None:
        """The verdict of a cell; None where nobody has judged.

        Raises:
            UnknownWord: it means nothing that is known.
        """
        if type(value) is not str:
            return self._read(value)
        if value not in self._cache:
            self._cache[value] = self._read(value)
        return self._cache[value]

    def _read(self, value: Any) -> Word | None:
        if is_nothing(value) or (isinstance(value, str) and value.strip().lower() in ("", "null", "nan")):
            return None
        if not isinstance(value, str | int | float):
            raise UnknownWord(_EXPECTED)
        word = spelled(value)
        if word in self._words:
            return self._words[word]
        raise UnknownWord(_NUMBER if _NUMBERS.fullmatch(word) else _EXPECTED)


_EXPECTED = (
    "'a', 'b' or 'tie' (or both_bad, skip, or null, where nobody has judged); data.verdicts or --verdicts says"
    ' what another word means, for instance --verdicts "better=a,worse=b"'
)
_NUMBER = (
    "'a', 'b' or 'tie' (or null, where nobody has judged): data sets disagree on what a number or yes and no mean,"
    ' so say it with data.verdicts or --verdicts, for instance --verdicts "1=a,0=b"'
)
