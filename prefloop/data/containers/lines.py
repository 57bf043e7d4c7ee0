"""JSON in files: an object a line (JSONL, NDJSON), one list of objects, objects one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prefloop.data.containers.streams import LINE, StreamError, blocks, lines
from prefloop.errors import DataError
from prefloop.io.strict import StrictError, loads_all, parse

Numbered = tuple[int, dict[str, Any] | DataError]

_WHOLE = 1 << 28
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*("?)|[\[\]{}]', re.S)
TABLES = ("data", "rows", "items", "examples", "instances", "records", "samples", "results", "train", "test")


def read_lines(path: Path) -> Iterator[Numbered]:
    """Rows of a JSONL file, numbered by line; blank lines are passed over."""
    return _rows(path, lines(path), "(line)", "one JSON object a line")


def read_list(path: Path) -> Iterator[Numbered]:
    """Rows of one JSON list, or of objects one after another, numbered by element; never the whole in memory."""
    return _rows(path, _elements(path), "(row)", "a list of JSON objects")


def read_wrapped(path: Path) -> Iterator[Numbered]:
    """Rows of the one list of objects inside a JSON object; the object itself as the one row where it has none.

    Raises:
        DataError: there are several such lists, or the object is too large to be read at once.
    """
    content = bytearray()
    for block in blocks(path):
        content += block
        if len(content) > _WHOLE:
            raise DataError(f"{path}: got one JSON object of more than {_WHOLE} bytes, expected an object a line")
    try:
        value = parse(bytes(content), "one JSON object")
    except StrictError as error:
        raise DataError.at(path, None, "(file)", error.got, error.expected) from None
    name = table_in(value)
    if name is None:
        raise DataError(
            f"{path}: got one JSON object with the keys {', '.join(value)}, none or several of which hold a list "
            "of rows; expected a list of objects, or an object a line"
        )
    yield from enumerate(value[name], start=1)


def table_in(value: Any) -> str | None:
    """The one key under which an object holds a list of rows, by a usual name; None where that is not certain."""
    if not isinstance(value, dict):
        return None
    lists = [key for key, item in value.items() if isinstance(item, list)]
    if len(lists) != 1 or lists[0].lower() not in TABLES:
        return None
    rows = value[lists[0]]
    return lists[0] if rows and all(isinstance(row, dict) for row in rows) else None


def _rows(path: Path, batches: Iterator[list[bytes]], field: str, expected: str) -> Iterator[Numbered]:
    number = 0
    try:
        for batch in batches:
            values = loads_all(batch)
            if values is not None:
                yield from enumerate(values, start=number + 1)
            else:
                for row, line in enumerate(batch, start=number + 1):
                    if line and not line.isspace():
                        yield row, _row(path, row, line, field, expected)
            number += len(batch)
    except StreamError as error:
        yield number + 1, DataError.at(path, number + 1, field, error.got, error.expected)


def _row(path: Path, number: int, line: bytes, field: str, expected: str) -> dict[str, Any] | DataError:
    values = loads_all([line])
    if values is not None:
        return values[0]
    try:
        value = parse(line, expected)
    except StrictError as error:
        return DataError.at(path, number, field, error.got, error.expected)
    return value if isinstance(value, dict) else DataError.at(path, number, field, value, expected)


class _Scanner:
    """Finds where the values of a list, or objects one after another, begin and end, without reading them."""

    def __init__(self) -> None:
        self.buffer, self.begin, self.seen = b"", 0, 0
        self.depth, self.base = 0, -1
        self.ended, self.is_first = False, True

    def feed(self, block: bytes) -> list[bytes]:
        self.buffer = self.buffer[self.begin :] + block
        self.seen, self.begin = self.seen - self.begin, 0
        elements: list[bytes] = []
        for token in _TOKEN.finditer(self.buffer, self.seen):
            if token.group(1) == b"":
                break
            self.seen = token.end()
            self._take(token.group(), token.start(), token.end(), elements)
        else:
            self.seen = len(self.buffer)
        if len(self.buffer) - self.begin > LINE:
            raise StreamError(f"a row of more than {LINE} bytes", "shorter rows")
        return elements

    def _take(self, token: bytes, start: int, end: int, elements: list[bytes]) -> None:
        if token in b"[{":
            if self.base < 0:
                self.base = int(token == b"[")
                self.begin = end if self.base else start
            elif self.depth == self.base:
                self._between(start, elements)
            self.depth += 1
        elif token in b"]}":
            self.depth -= 1
            if self.depth == self.base and not self.ended:
                elements.append(self.buffer[self.begin : end])
                self.begin = end
            elif self.depth < self.base:
                self._between(start, elements, at_end=True)
                self.begin, self.ended = end, True

    def _between(self, start: int, elements: list[bytes], at_end: bool = False) -> None:
        """What stands between two objects: one comma in a list; anything else is a row of its own, a bad one."""
        gap = self.buffer[self.begin : start].strip()
        self.begin = start
        is_good = gap == (b"" if self.is_first or not self.base or at_end else b",")
        if not is_good or self.ended:
            elements.append(gap if gap.strip(b",") else b"(a comma too many, or too few)")
        self.is_first = False


def _elements(path: Path) -> Iterator[list[bytes]]:
    scanner = _Scanner()
    for block in blocks(path):
        if elements := scanner.feed(block):
            yield elements
    if scanner.depth > 0 or (scanner.base == 1 and not scanner.ended):
        raise StreamError("the end of the file inside a list or object", "a whole file; fetch or write it again")
    if rest := scanner.buffer[scanner.begin :].strip():
        yield [rest]
