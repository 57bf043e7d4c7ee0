"""Spreadsheets (XLSX, XLSB, XLS, ODS): the one sheet that holds rows."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from python_calamine import CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from prefloop.data.containers.lines import Numbered
from prefloop.data.containers.table import fields_of, header_of
from prefloop.errors import DataError
from prefloop.io.strict import StrictError, plain

log = logging.getLogger("prefloop")

_UNPACKED = 1 << 31


def read_sheet(path: Path) -> Iterator[Numbered]:
    """Rows of the first sheet that holds any, numbered after its header; others, and hidden ones, are warned of.

    Raises:
        DataError: the file is damaged or unpacks to more than 2 GiB, or two sheets have the same header.
    """
    _check_size(path)
    filled = {name: rows for name, rows in _sheets(path) if rows}
    # A title or a note alone is no table.
    sheets = {name: rows for name, rows in filled.items() if len(rows) > 1} or filled
    if not sheets:
        return
    (name, (header, *rows)), *others = sheets.items()
    for other, (again, *_) in others:
        if again == header:
            raise DataError(f"{path}: got the sheets {name} and {other}, expected one; save each as a file")
        log.warning("%s: the sheet %s is read, the sheet %s is not", path, name, other)
    columns = header_of(path, [str(cell) for cell in header])
    for number, cells in enumerate(rows, start=1):
        if any(cell != "" for cell in cells):
            yield number, _fields(path, number, columns, cells)


def _fields(path: Path, number: int, columns: list[str], cells: list[Any]) -> dict[str, Any] | DataError:
    try:
        return fields_of(path, number, columns, [_cell(cell) for cell in cells])
    except StrictError as error:
        return DataError.at(path, number, "(row)", error.got, error.expected)


def _cell(value: Any) -> Any:
    # A spreadsheet has no integers; 1.0 in a cell is shown, and meant, as 1.
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return plain(value)


def _sheets(path: Path) -> Iterator[tuple[str, list[list[Any]]]]:
    try:
        with CalamineWorkbook.from_path(str(path)) as book:
            for sheet in book.sheets_metadata:
                if sheet.typ != SheetTypeEnum.WorkSheet:
                    continue
                if sheet.visible != SheetVisibleEnum.Visible:
                    log.warning("%s: the sheet %s is hidden, and not read", path, sheet.name)
                    continue
                yield sheet.name, book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=True)
    except BaseException as error:  # a panic of the reader's is no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        cause = " ".join(str(error).split())[:200]
        raise DataError(f"{path}: got a damaged spreadsheet ({cause}), expected a whole one") from None


def _check_size(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise DataError(f"{path}: got a damaged spreadsheet ({error}), expected a whole one") from None
    if size > _UNPACKED:
        raise DataError(f"{path}: got a spreadsheet of {size} bytes unpacked, expected at most {_UNPACKED}")
