"""Reading preference files: which files there are, and their rows as records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prefloop.config.data import FileEntry
from prefloop.data.readers.cells import Cells, Origin
from prefloop.data.readers.formats import READERS, format_of, read_rows
from prefloop.data.readers.forms import read_row
from prefloop.data.readers.mapping import Columned, Meaning, resolve
from prefloop.data.readers.trees import from_table, is_table
from prefloop.data.records import Record, ResponsesRecord, Unread
from prefloop.errors import DataError

Item = Record | Unread | DataError
# Places of unusable rows that a refusal names.
_FIRST = 3


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
    for entry in entries or [FileEntry(path=path) for path in data_files(raw) if path != beside]:
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


def data_files(raw: Path) -> list[Path]:
    """Every data file below `raw`, relative to it, in alphabetical order.

    Raises:
        DataError: there is none.
    """
    paths = (path.relative_to(raw) for path in sorted(raw.rglob("*")) if path.is_file() and format_of(path))
    visible = [path for path in paths if not any(part.startswith(".") for part in path.parts)]
    if not visible:
        raise DataError(
            f"{raw}: got no data file, expected at least one {', '.join(READERS)}: "
            "put one there, or set data.source to example"
        )
    return visible


class PreferenceFile:
    """One file, or the part of it that a filter lets through.

    Attributes:
        path: the file.
        names: its columns, as far as they were met.
        columned: what they mean; None until a row was read.
        rows: rows that the filter lets through, so far.
        unusable: rows left out whole, by reason; `left_out` also counts single answers.
    """

    def __init__(self, path: Path, meaning: Meaning, where: str | None, origin: Origin) -> None:
        self.names: list[str] = []
        self.columned: Columned | None = None
        self.rows = 0
        self.unusable: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self.places: list[str] = []
        self._met: set[str] = set()
        self.path, self._meaning, self._where, self._origin = path, meaning, where, origin
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
        table: list[Cells] = []
        empty, has_field = True, False
        for number, values in read_rows(self.path, self._pick):
            empty = False
            if isinstance(values, DataError):
                self.rows += 1
                yield {}, [values]
                continue
            has_field = has_field or self._field in values
            if self._where is not None and _as_text(values.get(self._field)) != self._wanted:
                continue
            self.rows += 1
            problem = self._learn(values, number)
            if problem is not None or self.columned is None:
                yield values, [problem] if problem else []
                continue
            row = Cells(str(self.path), number, values, self.columned)
            if is_table(row):
                table.append(row)
            else:
                yield values, self._counted(read_row(row, self._origin))
        if table:
            yield {}, list(from_table(table, self._origin))
        yield {}, self._ending(empty, has_field)

    def _learn(self, values: Mapping[str, Any], number: int) -> DataError | None:
        """Settle what columns mean that were not met before; an error where a row changes what others mean."""
        if self.columned is not None and self._met.issuperset(values):
            return None
        self.names += [name for name in values if name not in self.names]
        self._met = set(self.names)
        before, place = self.columned, f"{self.path}, row {number}"
        if before is None:
            self.columned = resolve(self.names, self._meaning, place)
            return None
        try:
            after = resolve(self.names, self._meaning, place)
        except DataError as error:
            return error
        changed = after.form != before.form or any(
            getattr(after.columns, field) != value
            for field, value in before.columns
            if value is not None and field != "preset"
        )
        if changed:
            new = ", ".join(name for name in values if name not in before.used + before.unused)
            expected = "the columns of the rows before, which mean something else without these"
            return DataError.at(self.path, number, "(row)", f"the new columns {new}", expected)
        self.columned = after
        return None

    def _counted(self, items: list[Item]) -> list[Item]:
        unread = [item for item in items if isinstance(item, Unread)]
        self.left_out.update(item.reason for item in unread)
        if unread and len(unread) == len(items):
            self.unusable[unread[0].reason] += 1
            if len(self.places) < _FIRST:
                self.places.append(f"row {unread[0].place.row} ({unread[0].reason.replace('_', ' ')})")
        return items

    def _ending(self, empty: bool, has_field: bool) -> list[Item]:
        if empty:
            return [DataError(f"{self.path}: got no rows, expected at least one")]
        if self._where is not None and not self.rows:
            return [self._nothing_left(has_field)]
        unusable = self.unusable.total()
        most = self._meaning.max_unusable
        if unusable <= max(1, most * self.rows):
            return []
        told = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in self.unusable.most_common())
        return [
            DataError(
                f"{self.path}: got {unusable} of {self.rows} rows that cannot be used ({told}; first "
                f"{', '.join(self.places)}); expected at most {most:.1%} (data.max_unusable)"
            )
        ]

    def _pick(self, names: Sequence[str]) -> list[str]:
        self.names = list(names)
        self._met = set(names)
        self.columned = resolve(names, self._meaning, str(self.path))
        wanted = {*self.columned.used, self._field, "split"}
        if self.columned.form == "implicit prompt":
            return list(names)
        return [name for name in names if name in wanted]

    def _nothing_left(self, has_field: bool) -> DataError:
        got = "no row with that value" if has_field else "rows without that field"
        return DataError(
            f"{self.path}: the filter {self._where} lets nothing through: got {got}, expected at least one row"
        )


def joined(items: Iterator[Item]) -> Iterator[Item]:
    """Put single answers together whose rows are neighbours and have the same prompt."""
    last: ResponsesRecord | None = None
    for item in items:
        if isinstance(item, ResponsesRecord) and len(item.completions) == 1:
            if last is None or last.prompt != item.prompt or (last.scores is None) != (item.scores is None):
                if last is not None:
                    yield last
                last = item
            else:
                last = _with(last, item)
            continue
        if last is not None and not isinstance(item, Unread):
            yield last
            last = None
        yield item
    if last is not None:
        yield last


def _with(first: ResponsesRecord, second: ResponsesRecord) -> ResponsesRecord:
    models = None if first.models is None or second.models is None else first.models + second.models
    scores = None if first.scores is None or second.scores is None else first.scores + second.scores
    return replace(first, completions=first.completions + second.completions, scores=scores, models=models)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else str(value)
