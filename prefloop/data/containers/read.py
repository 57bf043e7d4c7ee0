"""Rows of any container, as a stream in which a problem is a value.

A reader yields (row number, fields) or (row number, DataError), so that a check can go on after a bad row.
After a problem of the whole file (truncated, not text, wrong columns) the stream ends. Row numbers are the line
of a JSONL file, the element of a JSON list, the row after the header of a table.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from prefloop.data.containers.arrow import Pick, read_arrow, read_parquet
from prefloop.data.containers.folders import read_folder
from prefloop.data.containers.kinds import Kind, kind_of
from prefloop.data.containers.lines import Numbered, read_lines, read_list, read_wrapped
from prefloop.data.containers.sheets import read_sheet
from prefloop.data.containers.table import read_table
from prefloop.errors import DataError

_READERS = {
    Kind.LINES: read_lines,
    Kind.LIST: read_list,
    Kind.WRAPPED: read_wrapped,
    Kind.TABLE: read_table,
    Kind.SHEET: read_sheet,
}


def read_rows(path: Path, pick: Pick) -> Iterator[Numbered]:
    """Stream the rows of one file, or of a folder that is one data set, by content and not by name.

    Args:
        path: the file or folder.
        pick: chooses among all columns those that matter; asked by columnar formats only.

    Raises:
        DataError: it is missing, or no container of rows; the message says what it is.
    """
    if path.is_dir():
        return read_folder(path, partial(_read_file, pick=pick))
    if not path.is_file():
        raise DataError(f"{path} is no file: check data.files (or --data), relative to data.raw")
    return _read_file(path, pick)


def _read_file(path: Path, pick: Pick) -> Iterator[Numbered]:
    kind = kind_of(path)
    if kind is Kind.PARQUET:
        return read_parquet(path, pick)
    if kind is Kind.ARROW:
        return read_arrow(path, pick)
    return _READERS[kind](path)
