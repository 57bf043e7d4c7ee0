"""One row of a file that holds no preferences: prompts, texts, items of a benchmark; errors name the place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.data.readers.names import system_column
from prefloop.data.readers.paths import is_nothing
from prefloop.errors import DataError
from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Turns
from prefloop.messages.normalise import read_prompt
from prefloop.messages.split import join_system

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

    def error(self, field: str, expected: str, got: object = _MISSING) -> DataError:
        """Build the message for one field; `got` is the field's value unless given."""
        if got is _MISSING:
            got = self.values.get(field, Nothing())
        return DataError.at(self.path, self.number, field, got, expected)

    def text(self, field: str) -> str:
        """A text that is not empty."""
        value = self.values.get(field)
        if not isinstance(value, str):
            raise self.error(field, "a text")
        if not value or value.isspace():
            raise self.error(field, "a text that is not empty")
        return value

    def prompt(self, field: str) -> Turns:
        """A prompt: a text, or messages in whichever dialect."""
        value = self.values.get(field)
        try:
            return read_prompt(value, {})
        except MessageError as error:
            raise self.error(f"{field}{error.where}", error.expected, error.got) from None
        except Unusable as error:
            got = value if field in self.values else Nothing()
            raise self.error(field, f"a prompt that can be used ({error.reason})", got) from None

    def with_system(self, prompt: Turns) -> Turns:
        """A prompt with the system prompt that stands in a column of its own, where there is one."""
        column = system_column(tuple(self.values))
        system = self.values.get(column) if column is not None else None
        if column is None or is_nothing(system):
            return prompt
        if not isinstance(system, str):
            raise self.error(column, "a text, or null")
        try:
            return join_system(system, prompt)
        except MessageError as error:
            raise self.error(column, error.expected, error.got) from None

    def name(self, field: str) -> str | None:
        """A name (a number counts as its digits), or None where the field is missing, null or empty."""
        value = self.values.get(field)
        if value is None or value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise self.error(field, "a name, or null")
        return str(value)
