"""Taking a label file into the log: what is new is appended at once, and everything else is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from prefloop.desk.budget import Budget
from prefloop.errors import DataError
from prefloop.exchange.label_files.bill import Bill, bill_of, priced
from prefloop.exchange.label_files.read import read_label_file
from prefloop.exchange.label_files.resolve import resolve
from prefloop.exchange.label_files.said import Said, Told, Unsaid
from prefloop.exchange.label_files.spans import spans
from prefloop.io.layout import Layout
from prefloop.labels.aggregate import standing_votes
from prefloop.labels.label import Label
from prefloop.labels.log import LabelLog, News

# Wrong rows that are told whole, of each field.
_TOLD = 3
Key = tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class Conflict:
    """A verdict that contradicts another one of the same person on the same pair.

    Attributes:
        row: where it stands in the file.
        pair_id, annotator: the two that agree.
        stands: what the log has, None where the file contradicts itself.
        got: what the file says.
    """

    row: int
    pair_id: str
    annotator: str
    stands: str | None
    got: str


@dataclass(frozen=True)
class Compared:
    """Labels of a file, divided by what the log says: see `Taken`."""

    new: tuple[Told, ...]
    known: tuple[int, ...]
    conflicting: tuple[Conflict, ...]
    replaced: int


@dataclass(frozen=True)
class Taken:
    """What an import found and did; every row of the file with a verdict is in exactly one of the first four.

    Attributes:
        new: appended, by row; among them those that replace an earlier word.
        known: rows that the log has.
        conflicting: not taken.
        unknown: row and pair id, where the data have no such pair.
        skipped: rows that hold no label, by reason.
        replaced: how many of the new ones are a newer word.
        bill: what the new ones cost.
    """

    new: tuple[Told, ...]
    known: tuple[int, ...]
    conflicting: tuple[Conflict, ...]
    unknown: tuple[tuple[int, str], ...]
    skipped: Mapping[str, Sequence[int]]
    replaced: int
    bill: Bill

    def to_json(self) -> dict[str, Any]:
        """Counts, and the rows behind each."""
        counts = {name: len(getattr(self, name)) for name in ("new", "known", "conflicting", "unknown")}
        return {
            **counts,
            "skipped": sum(map(len, self.skipped.values())),
            "replaced": self.replaced,
            "cost": self.bill.to_json(),
            "verdicts": dict(sorted(Counter(str(told.label.verdict) for told in self.new).items())),
            "rows": {
                "new": [told.row for told in self.new],
                "known": list(self.known),
                "conflicting": [asdict(one) for one in self.conflicting],
                "unknown": [{"row": row, "pair_id": pair} for row, pair in self.unknown],
                "skipped": {reason: list(rows) for reason, rows in self.skipped.items()},
            },
        }


def import_file(
    path: Path, layout: Layout, budget: Budget, *, annotator: str | None, replacing: bool, dry_run: bool
) -> Taken:
    """Append what a label file says and the log has not, all of it or nothing; a second time, nothing.

    The labels of people cost what the campaign pays. No limit refuses them: that work is done.

    Args:
        path: the file, in any layout that `layout_of` knows.
        layout: where the prepared tables, batch, issued pairs and log lie.
        budget: the campaign's prices and limits.
        annotator: whose the verdicts are that name nobody.
        replacing: append verdicts that contradict a standing one of the same person as that person's newer word.
        dry_run: append nothing.

    Raises:
        DataError: the file, or a row of it, cannot be understood; nothing is appended then.
        StateError: a table is missing or damaged.
    """
    read = read_label_file(path)
    found = resolve([one for one in read if isinstance(one, Said | Told)], path, layout, annotator)
    problems = [*(one for one in read if isinstance(one, DataError)), *found.problems]
    if problems:
        raise _refusal(problems)
    skipped: dict[str, list[int]] = {}
    for one in read:
        if isinstance(one, Unsaid):
            skipped.setdefault(one.reason, []).append(one.row)
    done: list[tuple[Compared, Bill]] = []

    def give(news: News) -> list[Label]:
        parts = compared(found.labels, news, replacing)
        new = priced([told.label for told in parts.new], news.lines, budget)
        told = tuple(replace(one, label=label) for one, label in zip(parts.new, new, strict=True))
        done.append((replace(parts, new=told), bill_of(new, news.lines, budget)))
        return new

    log = LabelLog(layout.labels)
    if dry_run:
        give(log.read_on())
    else:
        log.answer(give)
    parts, bill = done[0]
    return Taken(parts.new, parts.known, parts.conflicting, found.unknown, skipped, parts.replaced, bill)


def compared(labels: Sequence[Told], news: News, replacing: bool) -> Compared:
    """Divide labels by what a log says already.

    Args:
        labels: of one file, in order.
        news: the whole log.
        replacing: whether a contradicting word is the newer one; of several in the file, the last.
    """
    stands, history = _log(news, {told.label.pair_id for told in labels})
    groups: dict[Key, list[Told]] = {}
    for told in labels:
        groups.setdefault(_key(told.label), []).append(told)
    new: list[Told] = []
    known: list[int] = []
    conflicting: list[Conflict] = []
    replaced = 0
    for key, group in groups.items():
        before, ever = stands.get(key), history.get(key, set())
        taken = _newer(group, before) if replacing else _first(group, ever)
        new += [taken] if taken is not None else []
        replaced += taken is not None and bool(ever)
        agreed = {group[-1].label.verdict} if replacing else ever if taken is None else {taken.label.verdict}
        for told in group:
            if told is not taken and told.label.verdict in agreed:
                known.append(told.row)
            elif told is not taken:
                conflicting.append(_conflict(told, before))
    new.sort(key=lambda told: told.row)
    return Compared(tuple(new), tuple(sorted(known)), tuple(sorted(conflicting, key=_row)), replaced)


def _first(group: Sequence[Told], ever: set[str | None]) -> Told | None:
    """The word of somebody who has said nothing yet, unless the file contradicts itself."""
    return group[0] if not ever and len({told.label.verdict for told in group}) == 1 else None


def _newer(group: Sequence[Told], before: str | None) -> Told | None:
    """The last word of the file where it is another one than what stands."""
    return group[-1] if group[-1].label.verdict != before else None


def _conflict(told: Told, before: str | None) -> Conflict:
    label = told.label
    return Conflict(told.row, label.pair_id, label.annotator, before, str(label.verdict))


def _row(one: Conflict) -> int:
    return one.row


def _key(label: Label) -> Key:
    """Whose word a label is: a person's, or that of whoever decides conflicts."""
    return label.pair_id, None if label.purpose == "adjudication" else label.annotator


def _log(news: News, pairs: Iterable[str]) -> tuple[dict[Key, str], dict[Key, set[str | None]]]:
    """What stands in a log on some pairs, and all that was ever said there."""
    wanted = pa.array(list(pairs), pa.string())
    lines = news.lines.filter(pc.is_in(news.lines["pair_id"], value_set=wanted))
    history: dict[Key, set[str | None]] = {}
    for row in _rows(lines):
        if row["verdict"] is not None and row["purpose"] in (None, "adjudication"):
            history.setdefault(_key_of(row), set()).add(row["verdict"])
    return {_key_of(row): row["verdict"] for row in _rows(standing_votes(lines))}, history


def _rows(lines: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lines.select(["pair_id", "annotator", "verdict", "purpose"]).to_pylist()
    return rows


def _key_of(row: Mapping[str, Any]) -> Key:
    return row["pair_id"], None if row["purpose"] == "adjudication" else row["annotator"]


def _refusal(problems: Sequence[DataError]) -> DataError:
    """All that is wrong as one error, nothing of the file having been taken.

    Of each field the first rows are told whole, and the further ones by number: a mistake that a whole column has
    hides no other one.
    """
    told = sorted((_row_of(problem), number) for number, problem in enumerate(problems))
    by_field: dict[str, list[tuple[int, int]]] = {}
    for place in told:
        by_field.setdefault(str((problems[place[1]].place or {}).get("field")), []).append(place)
    first = sorted(place for places in by_field.values() for place in places[:_TOLD])
    lines = [str(problems[number]) for _, number in first]
    lines += [
        f"... field '{field}': {len(places) - _TOLD} more, row {spans([row for row, _ in places[_TOLD:]])}"
        for field, places in by_field.items()
        if len(places) > _TOLD
    ]
    error = DataError("\n".join([*lines, "nothing of the file was taken: mend these rows, then import it again"]))
    error.place = problems[first[0][1]].place
    return error


def _row_of(problem: DataError) -> int:
    return int((problem.place or {}).get("row") or 0)
