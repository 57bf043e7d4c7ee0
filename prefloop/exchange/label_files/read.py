"""Label files in: rows of any container, told apart by what they hold."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from prefloop.data.containers import read_rows
from prefloop.data.containers.kinds import Kind, kind_of
from prefloop.data.containers.streams import StreamError, blocks
from prefloop.errors import DataError
from prefloop.exchange.label_files.fields import Fields
from prefloop.exchange.label_files.layouts import Layout, layout_of, log_line
from prefloop.exchange.label_files.said import Read, Told, Unsaid
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.lines import table_of


def read_label_file(path: Path) -> list[Read]:
    """Everything that a label file says, row by row; a wrong row is an error in its place.

    Args:
        path: the file, whatever its container.

    Raises:
        DataError: it is missing, no container of rows, has no rows, or has the columns of no layout.
    """
    if path.is_dir():
        raise DataError(f"{path}: got a folder, expected a file")
    rows = list(read_rows(path, list))
    if not rows:
        raise DataError(f"{path}: got no rows, expected at least one")
    kind = kind_of(path)
    unfinished = _unfinished(path, kind, rows[-1][1])
    whole = rows[:-1] if unfinished else rows
    names = dict.fromkeys(name for _, values in whole if isinstance(values, dict) for name in values)
    if not names and (wrong := next((values for _, values in rows if isinstance(values, DataError)), None)):
        raise wrong
    layout = layout_of(names, path)
    read: list[Read] = []
    for number, values in whole:
        if isinstance(values, DataError):
            read.append(values)
        else:
            read += _read(layout, path, number, values, kind is Kind.TABLE)
    read = _last_words(read) if layout is log_line else read
    return [*read, *([Unsaid(rows[-1][0], "unfinished")] if unfinished else [])]


def _read(layout: Layout, path: Path, number: int, values: dict[str, Any], is_guarded: bool) -> list[Read]:
    read: list[Read] = []
    try:
        read.extend(layout(Fields.of(str(path), number, values, is_guarded)))
    except DataError as error:
        read.append(error)
    return read


def _unfinished(path: Path, kind: Kind, last: object) -> bool:
    """Whether a file of lines ends within one, as a writer leaves it that was killed."""
    if not isinstance(last, DataError) or kind not in (Kind.LINES, Kind.TABLE):
        return False
    end = b""
    try:
        for block in blocks(path):
            end = block or end
    except StreamError:
        return False
    return not end.endswith((b"\n", b"\r"))


def _last_words(read: list[Read]) -> list[Read]:
    """Lines of a log without those that are no vote, or that a later line of the same file replaces."""
    told = [one for one in read if isinstance(one, Told)]
    table = table_of(one.label for one in told)
    places = table.append_column("place", pa.array(range(len(told)), pa.int64()))
    standing = set(standing_votes(places)["place"].to_pylist())
    rows = {one.row for place, one in enumerate(told) if place in standing}
    return [one if not isinstance(one, Told) or one.row in rows else _why(one) for one in read]


def _why(one: Told) -> Unsaid:
    label = one.label
    if label.verdict is None:
        return Unsaid(one.row, "no_answer")
    return Unsaid(one.row, "no_vote" if label.purpose in ("gold", "repeat") else "superseded")
