"""Reading preference files: which files there are, and their rows as records."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefloop.config.data import FileEntry
from prefloop.data.containers import data_files, read_rows
from prefloop.data.readers.cells import Origin
from prefloop.data.readers.mapping import Meaning
from prefloop.data.readers.rows import Item, Rows, joined
from prefloop.data.records import Record, Unread
from prefloop.errors import DataError

log = logging.getLogger("prefloop")

# Columns that say in which split of its source a row stands.
SPLIT_COLUMNS = ("split", "fold", "partition")


def read_records(
    entries: Sequence[FileEntry], raw: Path, meaning: Meaning, beside: Path | None = None
) -> Iterator[Record | Unread]:
    """Yield the records of several files, one after another, and what of them is left out.

    Args:
        entries: the files with their split and filter; empty: every data file below `raw`.
        raw: the folder that relative paths start from.
        meaning: what the user says of columns, words and roles.
        beside: a file below `raw` that holds no preferences (prompts of the target), or None.

    Raises:
        DataError: at the first problem, naming file, row, field, what came and what was expected;
            where a filter lets nothing through; where there is no file or a file holds no rows.
    """
    for entry in entries or _all_files(raw, beside):
        split = None if entry.split == "auto" else entry.split
        # The name alone: a path of this machine would make the outputs differ from one place to another.
        origin = Origin(entry.path.name, split)
        for item in PreferenceFile(raw / entry.path, meaning, entry.where, origin).records():
            if isinstance(item, DataError):
                raise item
            yield item


def read_file(path: Path, meaning: Meaning, where: str | None = None) -> PreferenceFile:
    """One file as every command reads it.

    Args:
        path: a file, or a folder of shards.
        meaning: what the user says of columns, words and roles.
        where: FIELD=VALUE to read only those rows, or None.
    """
    return PreferenceFile(path, meaning, where, Origin(path.name, None))


def _all_files(raw: Path, beside: Path | None) -> list[FileEntry]:
    """An entry for each file of rows below `raw`; a warning names the others."""
    files = data_files(raw)
    if files.unread:
        log.warning("%s: not read, since they hold no rows: %s", raw, ", ".join(map(str, files.unread)))
    return [FileEntry(path=path) for path in files.read if path != beside]


class PreferenceFile:
    """One file, or the part of it that a filter lets through.

    Attributes:
        path: the file.
        rows: its rows as they are read, with what their columns mean and what is left out.
    """

    def __init__(self, path: Path, meaning: Meaning, where: str | None, origin: Origin) -> None:
        self.path, self.rows = path, Rows(str(path), meaning)
        self._where, self._origin = where, origin
        self._field, _, self._wanted = (where or "").partition("=")

    def records(self) -> Iterator[Item]:
        """Yield what each row says that the filter lets through: records, parts left out, or a problem.

        Raises:
            DataError: the file is missing or has no known form.
        """
        return joined(item for _, items in self.read() for item in items)

    def read(self) -> Iterator[tuple[Mapping[str, Any], list[Item]]]:
        """The same row by row, with the values of the row; problems of the whole file come last, without values.

        Raises:
            DataError: as for `records`.
        """
        empty, has_field = True, False
        for number, values in read_rows(self.path, self._pick):
            empty = False
            if isinstance(values, DataError):
                self.rows.count += 1
                yield {}, [values]
                continue
            has_field = has_field or self._field in values
            if self._where is None or _as_text(values.get(self._field)) == self._wanted:
                yield values, self.rows.read(number, values, self._origin)
        if empty:
            yield {}, [DataError(f"{self.path}: got no rows, expected at least one")]
        elif self._where is not None and not self.rows.count:
            yield {}, [self._nothing_left(has_field)]
        yield {}, self.rows.ending()

    def _pick(self, names: Sequence[str]) -> list[str]:
        columned = self.rows.learn(names, str(self.path))
        # Texts that nobody reads tell whether an implicit prompt is a guess.
        wanted = (
            names
            if columned.form == "implicit prompt"
            else {*columned.used, *columned.media_columns, "history", self._field, *SPLIT_COLUMNS}
        )
        return [name for name in names if name in wanted]

    def _nothing_left(self, has_field: bool) -> DataError:
        got = "no row with that value" if has_field else "rows without that field"
        return DataError(
            f"{self.path}: the filter {self._where} lets nothing through: got {got}, expected at least one row"
        )


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
