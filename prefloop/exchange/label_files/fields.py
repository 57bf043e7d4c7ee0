"""Fields of a row in a label file, checked; an error names file, row, column, what came and what was expected."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from prefloop.data.readers.paths import is_nothing
from prefloop.data.readers.verdicts import selected
from prefloop.data.readers.words import UnknownWord, Vocabulary, spelled
from prefloop.errors import DataError
from prefloop.exchange.label_files.cells import unguarded
from prefloop.exchange.label_files.said import Said, Side
from prefloop.labels.verdicts import Word

STRENGTHS = {"slightly": 0.5, "clearly": 1.0}
_SIDES: dict[Word, Side] = {"a": "left", "b": "right"}
_POSITIONS = ("left", "right", "first", "second", "1st", "2nd")
_WORDS = Vocabulary({}, ("left",), ("right",))
_BLANKS = re.compile(r"[\s_\-]+")
# A number with a comma, as spreadsheets of many languages write it.
_COMMA = re.compile(r"\d+,\d+")
_LONGEST_MS = 1e15
_EXPECTED = "left, right, tie, both_bad or skip, or nothing"


def named(name: str) -> str:
    """A column's name whatever its case, and whether it has blanks, underscores or hyphens."""
    return _BLANKS.sub("_", name.strip().lower())


@dataclass(frozen=True, slots=True)
class Fields:
    """One row.

    Attributes:
        path: the file, for messages.
        row: its number.
        values: by the column's name as `named` gives it.
        written: the columns' names as the file writes them.
        is_guarded: whether cells may have an apostrophe before what a spreadsheet would run; it is dropped from
            fields, and left in texts, which others may have written without it.
    """

    path: str
    row: int
    values: Mapping[str, Any]
    written: Mapping[str, str]
    is_guarded: bool = False

    @classmethod
    def of(cls, path: str, row: int, values: Mapping[str, Any], is_guarded: bool = False) -> Fields:
        """A row as a container gives it.

        Raises:
            DataError: two columns that are one.
        """
        written: dict[str, str] = {}
        for name in values:
            if written.setdefault(named(name), name) != name:
                got = f"{written[named(name)]} and {name}"
                raise DataError.at(path, row, named(name), got, "one column of that name")
        return cls(path, row, {named(name): value for name, value in values.items()}, written, is_guarded)

    def error(self, name: str, expected: str, got: object) -> DataError:
        """The message for one column."""
        return DataError.at(self.path, self.row, self.written.get(name, name), got, expected)

    def text(self, name: str) -> str | None:
        """A text without outer blanks, None where there is none; a number counts as its digits.

        Raises:
            DataError: something else stands there.
        """
        value = self.whole(name)
        if value is not None and self.is_guarded:
            value = unguarded(value)
        return None if value is None or not value.strip() else value.strip()

    def whole(self, name: str) -> str | None:
        """A text as it stands there.

        Raises:
            DataError: something else stands there.
        """
        value = self.values.get(name)
        if is_nothing(value):
            return None
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise self.error(name, "a text, or nothing", value)
        return str(value)

    def number(self, name: str) -> float | None:
        """A finite number of at least 0, None where there is none.

        Raises:
            DataError: something else stands there.
        """
        text = self.text(name)
        if text is None:
            return None
        try:
            number = float(text.replace(",", ".") if _COMMA.fullmatch(text) else text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number) or number < 0:
            raise self.error(name, "a number of at least 0, or nothing", self.values[name])
        return number

    def round(self) -> int | None:
        """The batch's round.

        Raises:
            DataError: no whole number up to a million.
        """
        number = self.number("round")
        if number is not None and (not number.is_integer() or number > 1_000_000):
            raise self.error("round", "the batch's round, a whole number", self.values["round"])
        return None if number is None else int(number)

    def duration(self) -> int | None:
        """The time to answer, milliseconds: `duration_ms`, or Label Studio's `lead_time`, seconds.

        Raises:
            DataError: `duration_ms` is no time; of the tool's own field that is passed over.
        """
        number = self.number("duration_ms")
        if number is not None and number >= _LONGEST_MS:
            raise self.error("duration_ms", "the time to answer in milliseconds", self.values["duration_ms"])
        return milliseconds(self.values.get("lead_time")) if number is None else round(number)

    def strength(self) -> float | None:
        """How strong a preference is, 0 to 1.

        Raises:
            DataError: neither a word nor such a number.
        """
        text = self.text("strength")
        if text is None:
            return None
        if text.lower() in STRENGTHS:
            return STRENGTHS[text.lower()]
        expected = "slightly, clearly, a number from 0 to 1, or nothing"
        try:
            number = self.number("strength")
        except DataError:
            raise self.error("strength", expected, self.values["strength"]) from None
        if number is None or number > 1:
            raise self.error("strength", expected, self.values["strength"])
        return number

    def verdict(self, *names: str) -> Side | Word | None:
        """The one verdict that stands in some columns, None where none does.

        Raises:
            DataError: a word that is not known, two verdicts, or a letter where it could mean two things.
        """
        said = {name: side for name in names if (side := self._side(name)) is not None}
        if len(said) > 1:
            raise self.error(names[0], "one verdict", [self.values[name] for name in said])
        return next(iter(said.values()), None)

    def _side(self, name: str) -> Side | Word | None:
        value = selected(self.values.get(name))
        value = None if value in ([], {}) else value
        try:
            word = _WORDS.read(unguarded(value) if isinstance(value, str) and self.is_guarded else value)
        except UnknownWord:
            raise self.error(name, _EXPECTED, value) from None
        if word not in _SIDES:
            return word
        if {"completion_a", "completion_b"} & self.values.keys() and not _is_position(value):
            expected = (
                "left or right: beside the column completion_a, a and b could mean the completions or the sides"
            )
            raise self.error(name, expected, value)
        return _SIDES[word]

    def said(self, verdict: Side | Word, **more: Any) -> Said:
        """What the row says, with the fields that every format may have."""
        texts = tuple((name, text) for name in ("prompt", "left", "right") if (text := self.whole(name)))
        common: dict[str, Any] = {
            "annotator": self.text("annotator"),
            "texts": texts,
            "left_id": self.text("left_id"),
            "right_id": self.text("right_id"),
            "strength": self.strength() if verdict in ("left", "right") else None,
            "comment": self.text("comment"),
            "guidelines": self.text("guidelines"),
            "round": self.round(),
            "pair_id": self.text("pair_id") or "",
        }
        return Said(row=self.row, verdict=verdict, **common | more)


def _is_position(value: object) -> bool:
    return spelled(value) in _POSITIONS


def instant(*candidates: object) -> str | None:
    """The first of some values that is a point in time with its zone."""
    for value in candidates:
        if not isinstance(value, str) or not set(value) & set("Tt "):
            continue
        try:
            if datetime.fromisoformat(value).tzinfo is not None:
                return value
        except ValueError:
            continue
    return None


def milliseconds(seconds: object) -> int | None:
    """A time to answer, given in seconds as a number or as a cell of CSV; None where it is none."""
    if isinstance(seconds, str):
        with suppress(ValueError):
            seconds = float(seconds)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _LONGEST_MS / 1000:
        return None
    return round(seconds * 1000)
