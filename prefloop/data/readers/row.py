"""One row of an input file, with checks that name file, row, field, what came and what was expected."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.data.readers.conversation import is_conversation, render
from prefloop.data.records import Place
from prefloop.errors import DataError

_MISSING = object()


class Nothing:
    """Stands in messages for a field that a row does not have."""

    def __repr__(self) -> str:
        return "nothing (the row has no such field)"


@dataclass(frozen=True, slots=True)
class Row:
    """Fields of one row and where it stands.

    Attributes:
        path: the file, for messages.
        number: line of a JSONL file, else the row after the header, from 1.
        values: field name → value as Python objects.
    """

    path: str
    number: int
    values: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """File and row."""
        return Place(self.path, self.number)

    def error(self, field: str, expected: str, got: object = _MISSING) -> DataError:
        """Build the message for one field; `got` is the field's value unless given."""
        if got is _MISSING:
            got = self.values.get(field, Nothing())
        return DataError.at(self.path, self.number, field, got, expected)

    def text(self, field: str) -> str:
        """A text, or a list of messages rendered to text; never empty."""
        value = self.values.get(field)
        if type(value) is str and value and not value.isspace():
            return value
        return self._other_text(field, value, self.values.get(field, Nothing()))

    def texts(self, field: str) -> tuple[str, ...]:
        """A list of at least one text (or list of messages), none empty."""
        value = self.values.get(field)
        if not isinstance(value, list) or not value:
            raise self.error(field, "a list of texts, at least one")
        return tuple(self._other_text(f"{field}[{k}]", item, item) for k, item in enumerate(value))

    def numbers(self, field: str, length: int) -> tuple[float, ...] | None:
        """`length` finite numbers, or None where the field is missing or null."""
        value = self._list(field, length, "finite numbers")
        return None if value is None else tuple(self._number(f"{field}[{k}]", x) for k, x in enumerate(value))

    def names(self, field: str, length: int) -> tuple[str, ...] | None:
        """`length` names, or None where the field is missing or null."""
        value = self._list(field, length, "names")
        if value is None:
            return None
        for k, item in enumerate(value):
            if not isinstance(item, str) or not item:
                raise self.error(f"{field}[{k}]", "a name that is not empty", item)
        return tuple(value)

    def name(self, field: str) -> str | None:
        """A name (a number counts as its digits), or None where the field is missing, null or empty."""
        value = self.values.get(field)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.error(field, "a name, or null")
        return str(value)

    def _other_text(self, field: str, value: object, got: object) -> str:
        if is_conversation(value):
            value = render(value, self, field)
        if not isinstance(value, str):
            raise self.error(field, "a text, or a list of messages with role and content", got)
        if not value or value.isspace():
            raise self.error(field, "a text that is not empty", got)
        return value

    def _list(self, field: str, length: int, what: str) -> list | None:
        value = self.values.get(field)
        if value is None:
            return None
        if not isinstance(value, list):
            raise self.error(field, f"a list of {length} {what}, one per completion")
        if len(value) != length:
            raise self.error(field, f"{length}, one per completion", f"{len(value)} values")
        return value

    def _number(self, field: str, value: object) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise self.error(field, "a finite number", value)
        return float(value)
