"""Reading preference files: which files there are, and their rows as records."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefloop.config.data import FileEntry
from prefloop.data.containers import data_files, read_rows
from prefloop.data.readers.forms import FORMS, Origin, detect_form
from prefloop.data.readers.row import Row
from prefloop.data.records import Record
from prefloop.errors import DataError

log = logging.getLogger("prefloop")


def read_records(entries: Sequence[FileEntry], raw: Path, beside: Path | None = None) -> Iterator[Record]:
    """Yield the records of several files, one after another.

    Args:
        entries: the files with their split and filter; empty: every data file below `raw`.
        raw: the folder that relative paths start from.
        beside: a file below `raw` that holds no preferences (prompts of the target), or None.

    Raises:
        DataError: at the first problem, naming file, row, field, what came and what was expected;
            where a filter lets nothing through; where there is no file or a file holds no rows.
    """
    for entry in entries or _all_files(raw, beside):
        yield from _read_entry(entry, raw / entry.path)


def _all_files(raw: Path, beside: Path | None) -> list[FileEntry]:
    """An entry for each file of rows below `raw`; a warning names the others."""
    files = data_files(raw)
    if files.unread:
        log.warning("%s: not read, since they hold no rows: %s", raw, ", ".join(map(str, files.unread)))
    return [FileEntry(path=path) for path in files.read if path != beside]


class PreferenceFile:
    """One file, or the part of it that a filter lets through.

    Attributes:
        form: name of its form, that of the first row; None until that row was read.
    """

    def __init__(self, path: Path, where: str | None, origin: Origin) -> None:
        self.form: str | None = None
        self._path, self._where, self._origin = path, where, origin
        self._field, _, self._wanted = (where or "").partition("=")

    def records(self) -> Iterator[Record | DataError]:
        """Yield a record or a problem for each row that the filter lets through.

        Raises:
            DataError: the file is missing, has no known ending, or no known form.
        """
        empty, kept, has_field = True, 0, False
        for number, values in read_rows(self._path, self._pick):
            empty = False
            if isinstance(values, DataError):
                yield values
                continue
            self.form = self.form or detect_form(values, f"{self._path}, row {number}")
            has_field = has_field or self._field in values
            if self._where is None or _as_text(values.get(self._field)) == self._wanted:
                kept += 1
                yield self._parse(number, values)
        if empty:
            yield DataError(f"{self._path}: got no rows, expected at least one")
        elif self._where is not None and not kept:
            yield self._nothing_left(has_field)

    def _parse(self, number: int, values: Mapping[str, Any]) -> Record | DataError:
        try:
            return FORMS[self.form or ""].parse(Row(str(self._path), number, values), self._origin)
        except DataError as error:
            return error

    def _pick(self, names: Sequence[str]) -> list[str]:
        form = FORMS[detect_form(names, str(self._path))]
        return [name for name in names if name in (*form.required, *form.optional, self._field)]

    def _nothing_left(self, has_field: bool) -> DataError:
        got = "no row with that value" if has_field else "rows without that field"
        return DataError(
            f"{self._path}: the filter {self._where} lets nothing through: got {got}, expected at least one row"
        )


def _read_entry(entry: FileEntry, path: Path) -> Iterator[Record]:
    split = None if entry.split == "auto" else entry.split
    # The name alone: a path of this machine would make the outputs differ from one place to another.
    for record in PreferenceFile(path, entry.where, Origin(entry.path.name, split)).records():
        if isinstance(record, DataError):
            raise record
        yield record


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
