"""Cells of one row by field: numbers, names and lists, checked; an error names file, row, field and value."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.config.data import SplitName
from prefloop.data.readers.mapping import Columned
from prefloop.data.readers.paths import first_of, is_nothing
from prefloop.data.records import Place
from prefloop.errors import DataError


@dataclass(frozen=True)
class Origin:
    """What a record inherits from its file: the name in reports, and the split, None to divide by prompt."""

    source: str
    split: SplitName | None


@dataclass(frozen=True, slots=True)
class Cells:
    """One row of a file whose mapping is known.

    Attributes:
        path, number: file and row, for messages.
        values: column -> value.
        columned: the file's mapping.
    """

    path: str
    number: int
    values: Mapping[str, Any]
    columned: Columned

    @property
    def place(self) -> Place:
        """File and row."""
        return Place(self.path, self.number)

    def has(self, field: str) -> bool:
        """Whether the mapping names a column for a field."""
        return field in self.columned.gets

    def get(self, field: str) -> Any:
        """The value of a field, None where there is none."""
        get = self.columned.gets.get(field)
        return None if get is None else get(self.values)

    def error(self, field: str, expected: str, got: object, where: str = "") -> DataError:
        """The message for one field, under the name of its column; `where` is a place within the value."""
        return DataError.at(self.path, self.number, self.columned.source(field) + where, got, expected)

    def name(self, field: str) -> str | None:
        """A name (a number counts as its digits), None where there is none.

        Raises:
            DataError: something else stands there.
        """
        return self.as_name(field, self.one_of(field, self.get(field)))

    def own_id(self) -> str | None:
        """What the user calls the row, whatever it is: a text as it stands, a number as its digits, else JSON."""
        value = self.one_of("id", self.get("id"))
        if isinstance(value, Mapping) and len(value) == 1 and "$oid" in value:
            value = value["$oid"]  # MongoDB
        if is_nothing(value) or (isinstance(value, str) and value.isspace()):
            return None
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)

    def own_ids(self) -> tuple[str, ...]:
        """`own_id` in a tuple, empty where there is none."""
        own_id = self.own_id()
        return () if own_id is None else (own_id,)

    def one_of(self, field: str, value: Any) -> Any:
        """One value where a path with `[]` gives several: the first that is there."""
        return first_of(value) if isinstance(value, list) and "[]" in self.columned.source(field) else value

    def as_name(self, field: str, value: object, where: str = "") -> str | None:
        """A value as a name.

        Raises:
            DataError: it is none.
        """
        if is_nothing(value):
            return None
        if not isinstance(value, str) and finite(value) is None:
            raise self.error(field, "a name, or null", value, where)
        return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)

    def as_number(self, field: str, value: object, where: str = "") -> float | None:
        """A value as a finite number (digits in a text count), None where there is none.

        Raises:
            DataError: it is none.
        """
        if is_nothing(value):
            return None
        if isinstance(value, str):
            value = _parsed(value)
            if is_nothing(value):
                return None
        number = finite(value)
        if number is None:
            raise self.error(field, "a finite number", value, where)
        return number

    def as_list(self, field: str, value: object) -> list[Any] | None:
        """A value as a list (JSON text of one counts), None where there is none.

        Raises:
            DataError: it is none.
        """
        if isinstance(value, str) and value.strip():
            try:
                value = json.loads(value)
            except (ValueError, RecursionError):
                raise self.error(field, "a list, or JSON text of one", value) from None
        if is_nothing(value):
            return None
        if not isinstance(value, list):
            raise self.error(field, "a list", value)
        return value


def finite(value: object) -> float | None:
    """A finite number, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def _parsed(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return text
