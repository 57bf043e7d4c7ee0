"""Cells of spreadsheets: texts of others that must neither run as a formula nor be changed on their way back."""

from __future__ import annotations

import re

# What a spreadsheet takes for a formula at the beginning of a CSV cell, white space before it included, and ids
# that it would take for a number. Source: OWASP, CSV injection.
_FORMULA = re.compile(r"'*(?:\s*[=+\-@＝＋－＠]|[\t\r\n]|\d+[eE]\d+\Z|\d{16,}\Z)")
# Excel's own limit, in units of UTF-16.
LONGEST = 32_767
# What XML cannot hold is written by its number in a sheet, and so is what looks like such a number.
_UNWRITABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|_(?=x[0-9A-Fa-f]{4}_)")
_NEWLINES = re.compile(r"\r\n?")


def guarded(text: str) -> str:
    """A text as a cell of a CSV file: with an apostrophe before it where a spreadsheet would run or change it."""
    text = _NEWLINES.sub("\n", text)
    return f"'{text}" if _FORMULA.match(text) else text


def unguarded(cell: str) -> str:
    """The text of such a cell; the inverse of `guarded`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def escaped(text: str) -> str:
    """A text as XLSX stores it.

    Source: ECMA-376 part 1, 22.9.2.19 (ST_Xstring).
    """
    return _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", _NEWLINES.sub("\n", text))


def units(text: str) -> int:
    """Length of a text as a spreadsheet counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
