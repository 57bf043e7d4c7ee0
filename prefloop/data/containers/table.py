"""Tables as text: CSV and TSV in the dialects that spreadsheets write."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from prefloop.data.containers.lines import Numbered
from prefloop.data.containers.streams import LINE, StreamError, blocks, encoding_of, head
from prefloop.errors import DataError
from prefloop.io.strict import StrictError, parse

_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "pipe"}
_LISTS = ("completions", "scores", "models")
_LOOKED_AT = 50
_FORM = "cells in the form of RFC 4180: a quote inside a quoted cell is written twice"
# Invisible marks that editors leave around names.
_MARKS = "\u200b\u2060\ufeff"
_SPACED = re.compile(r' +"')


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        separator: between two cells.
        skipped: whether a first line `sep=;` says so.
        is_spaced: whether a blank follows each separator.
        is_proven: whether all rows looked at have as many cells as the header, at least two.
    """

    separator: str
    skipped: bool
    is_spaced: bool
    is_proven: bool


class _NotText(Exception):
    def __init__(self, got: bytes) -> None:
        super().__init__(got)
        self.got = got


def dialect_of(start: bytes, path: Path) -> Dialect:
    """The dialect in which a table begins.

    Raises:
        DataError: two separators would do.
    """
    text = start.decode(encoding_of(start), errors="replace").lstrip("\ufeff")
    if text[:4].lower() == "sep=" and text[4:5] in _SEPARATORS:
        return Dialect(text[4], True, False, True)
    tables = {separator: _look(text, separator) for separator in _SEPARATORS}
    proven = [separator for separator, rows in tables.items() if _is_proven(rows)]
    if len(proven) > 1:
        names = " and ".join(_SEPARATORS[separator] for separator in proven)
        raise DataError(
            f"{path}: got a table that {names} would separate, expected one of them; write it as JSONL"
        )
    separator = proven[0] if proven else max(tables, key=lambda key: len(tables[key][0]) if tables[key] else 0)
    return Dialect(separator, False, _is_spaced(tables[separator]), bool(proven))


def read_table(path: Path) -> Iterator[Numbered]:
    """Rows of a table, numbered after its header; a problem of the text ends the stream.

    Raises:
        DataError: no separator, or a column twice.
    """
    dialect = dialect_of(head(path), path)
    number = 0
    csv.field_size_limit(LINE)
    try:
        reader = csv.reader(
            _text(path, skipped=dialect.skipped),
            delimiter=dialect.separator,
            skipinitialspace=dialect.is_spaced,
            strict=True,
        )
        columns = header_of(path, next((cells for cells in reader if any(cells)), []))
        for number, cells in enumerate((cells for cells in reader if cells), start=1):
            if any(cells):
                yield number, fields_of(path, number, columns, cells)
        if not number and len(columns) < 2:
            raise DataError(f"{path}: got text that is neither JSON nor a table with a header and rows")
    except _NotText as fault:
        expected = "text in UTF-8 (another encoding, such as Windows-1252? save it as CSV UTF-8)"
        yield number + 1, DataError.at(path, number + 1, "(row)", fault.got, expected)
    except csv.Error as error:
        yield number + 1, DataError.at(path, number + 1, "(row)", str(error), _FORM)
    except StreamError as error:
        yield number + 1, DataError.at(path, number + 1, "(row)", error.got, error.expected)


def header_of(path: Path, cells: Sequence[str]) -> list[str]:
    """Names of the columns without outer blanks and marks; columns at the end that have no name are left off.

    Raises:
        DataError: a name twice.
    """
    columns = [cell.strip().strip(_MARKS).strip() for cell in cells]
    while columns and not columns[-1]:
        columns.pop()
    for name in columns:
        if name and columns.count(name) > 1:
            raise DataError(f"{path}: got the column {name!r} twice in the header, expected each column once")
    return columns


def fields_of(path: Path, number: int, columns: list[str], cells: Sequence[Any]) -> dict[str, Any] | DataError:
    """One row as fields; lists stand in cells as JSON."""
    if len(cells) != len(columns):
        if len(cells) < len(columns) or any(cell not in ("", None) for cell in cells[len(columns) :]):
            return DataError.at(path, number, "(row)", f"{len(cells)} cells", f"{len(columns)}, as in the header")
        cells = cells[: len(columns)]
    values: dict[str, Any] = dict(zip(columns, cells, strict=True))
    for field in _LISTS:
        if cell := values.get(field):
            try:
                values[field] = parse(cell, "a JSON list in the cell") if isinstance(cell, str) else cell
            except StrictError as error:
                return DataError.at(path, number, field, error.got, error.expected)
        elif field in values:
            values[field] = None
    return values


def _look(text: str, separator: str) -> list[list[str]]:
    rows: list[list[str]] = []
    lines = text.splitlines(keepends=True)
    with suppress(csv.Error):  # the rows before it tell
        reader = csv.reader(lines, delimiter=separator, strict=True)
        rows.extend(cells for cells in islice(reader, _LOOKED_AT) if cells)
    # The last row may be cut off where the text ends.
    return rows[:-1] if len(rows) > 2 else rows


def _is_spaced(rows: list[list[str]]) -> bool:
    """Whether a blank follows each separator: in the header, or before the quotes of cells in every row."""
    header, *others = rows or [[]]
    if len(header) > 1 and all(name.startswith(" ") for name in header[1:]):
        return True
    return bool(others) and all(any(_SPACED.match(cell) for cell in cells[1:]) for cells in others)


def _is_proven(rows: list[list[str]]) -> bool:
    return len(rows) > 1 and len(rows[0]) > 1 and {len(cells) for cells in rows} == {len(rows[0])}


def _text(path: Path, skipped: bool) -> Iterator[str]:
    """Lines with their ends, decoded one by one, so that bad bytes do not hide the rows before them."""
    rest = b""
    for block in blocks(path):
        *whole, rest = (rest + block).splitlines(keepends=True) or [b""]
        # A CR at the end of a block may belong to an LF in the next.
        if len(rest) > LINE:
            raise StreamError(f"a line of more than {LINE} bytes", "shorter lines")
        for line in whole:
            if skipped:
                skipped = False
            else:
                yield _decoded(line)
    if rest and not skipped:
        yield _decoded(rest)


def _decoded(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as fault:
        raise _NotText(line[fault.start : fault.start + 20]) from None
