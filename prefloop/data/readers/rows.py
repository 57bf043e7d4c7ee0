"""Rows of one source as they become records: what their columns mean, and what of them is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from prefloop.data.readers.cells import Cells, Origin
from prefloop.data.readers.forms import read_row
from prefloop.data.readers.mapping import Columned, Meaning, resolve
from prefloop.data.readers.trees import from_table, is_table
from prefloop.data.records import Record, ResponsesRecord, Unread
from prefloop.errors import DataError

Item = Record | Unread | DataError
# Places of unusable rows that a refusal names.
_FIRST = 3


class Rows:
    """Reads the rows of one file, or of one split of a data set.

    Attributes:
        columned: what the columns mean that were met; None until a row was read.
        first: values of the first row that was read.
        count: rows read.
        unusable: rows left out whole, by reason.
        left_out: rows and single answers left out, by reason.
    """

    def __init__(self, path: str, meaning: Meaning) -> None:
        self.columned: Columned | None = None
        self.first: Mapping[str, Any] = {}
        self.count = 0
        self.unusable: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self._path, self._meaning = path, meaning
        self._names: dict[str, None] = {}
        self._first: list[str] = []
        self._table: list[Cells] = []
        self._origin: Origin | None = None

    def learn(self, names: Sequence[str], place: str) -> Columned:
        """Settle what columns mean; `place` is file and row, for messages.

        Raises:
            DataError: no form fits, or several do.
        """
        self._names |= dict.fromkeys(names)
        self.columned = resolve(list(self._names), self._meaning, place)
        return self.columned

    def read(self, number: int, values: Mapping[str, Any], origin: Origin) -> list[Item]:
        """What one row says; rows of a table of single messages say it at the end.

        Raises:
            DataError: the first row has no known form.
        """
        self.count += 1
        self.first = self.first or values
        columned = self.columned
        if columned is None:
            columned = self.learn(list(values), f"{self._path}, row {number}")
        elif not self._names.keys() >= values.keys():
            try:
                columned = self._learn_more(columned, number, values)
            except DataError as error:
                return [error]
        row = Cells(self._path, number, values, columned)
        if is_table(row):
            self._table.append(row)
            self._origin = origin
            return []
        return self._counted(read_row(row, origin))

    def ending(self) -> list[Item]:
        """What is said at the end: the conversations of a table, and whether too much is left out."""
        items: list[Item] = list(from_table(self._table, self._origin)) if self._origin else []
        self.left_out.update(item.reason for item in items if isinstance(item, Unread))
        refused = self._refused()
        return items if refused is None else [*items, refused]

    def _learn_more(self, before: Columned, number: int, values: Mapping[str, Any]) -> Columned:
        """Settle what columns mean that were not met before.

        Raises:
            DataError: they change what the others mean.
        """
        new = [name for name in values if name not in self._names]
        after = self.learn(new, f"{self._path}, row {number}")
        kept = (
            (field, value)
            for field, value in before.columns
            if value is not None and field not in ("preset", "id")
        )
        if after.form != before.form or any(getattr(after.columns, field) != value for field, value in kept):
            self.columned = before
            expected = "the columns of the rows before, which mean something else beside these"
            raise DataError.at(self._path, number, "(row)", f"the new columns {', '.join(new)}", expected)
        return after

    def _counted(self, items: list[Item]) -> list[Item]:
        unread = [item for item in items if isinstance(item, Unread)]
        self.left_out.update(item.reason for item in unread)
        if unread and len(unread) == len(items):
            self.unusable[unread[0].reason] += 1
            if len(self._first) < _FIRST:
                self._first.append(f"row {unread[0].place.row}: {unread[0].reason.replace('_', ' ')}")
        return items

    def _refused(self) -> DataError | None:
        """The error that more rows than allowed are left out; one always may be."""
        unusable, most = self.unusable.total(), self._meaning.max_unusable
        if unusable <= max(1, most * self.count):
            return None
        told = ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in self.unusable.most_common())
        return DataError(
            f"{self._path}: got {unusable} of {self.count} rows that cannot be used ({told}; the first: "
            f"{', '.join(self._first)}); expected at most {most:.1%} of them (data.max_unusable)"
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
    ids = tuple(dict.fromkeys(first.ids + second.ids))
    return replace(
        first, completions=first.completions + second.completions, scores=scores, models=models, ids=ids
    )
