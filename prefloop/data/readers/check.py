"""All that can be said of one preference file before it is used, for `prefloop data check FILE`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from prefloop.config.data import Split
from prefloop.data.readers.check_report import CheckReport, shown
from prefloop.data.readers.files import SPLIT_COLUMNS, PreferenceFile, read_file
from prefloop.data.readers.mapping import Columned, Meaning
from prefloop.data.readers.rows import Item, joined
from prefloop.data.readers.tally import Tally
from prefloop.data.records import Record, Unread
from prefloop.errors import DataError
from prefloop.io.hashing import unit_interval

# Records from which one prompt alone is suspicious.
_MANY = 10


def check_file(
    path: Path,
    meaning: Meaning | None = None,
    where: str | None = None,
    show: int = 2,
    keep: int = 50,
    split: Split | None = None,
) -> CheckReport:
    """Read a whole file and collect its problems instead of stopping at the first.

    Args:
        path: a file, or a folder of shards.
        meaning: what the user says of columns, words and roles.
        where: FIELD=VALUE to check only those rows, or None.
        show: records kept in the report.
        keep: problems kept in the report; all are counted.
        split: how prompts will be divided, to see whether a pool is left; None does not look.

    Returns:
        The report; a file that is missing or has no known form is a report with that one problem.
    """
    check = _Check(read_file(path, meaning or Meaning(), where), show, keep, split)
    check.run()
    return check.report(str(path))


class _Check:
    def __init__(self, file: PreferenceFile, show: int, keep: int, split: Split | None) -> None:
        self.file, self.show, self.keep, self.split = file, show, keep, split
        self.tally = Tally()
        self.problems: list[DataError] = []
        self.n_problems = 0
        self.records: list[dict[str, Any]] = []

    def run(self) -> None:
        try:
            for item, split in _with_splits(self.file):
                if isinstance(item, DataError):
                    self.problem(item)
                elif not isinstance(item, Unread):
                    self.add(item, split)
        except DataError as error:
            self.problem(error)
        self.check_whole()

    def add(self, record: Record, split: str | None) -> None:
        self.tally.add(record, split)
        if len(self.records) < self.show:
            self.records.append(shown(record))

    def problem(self, error: DataError) -> None:
        self.n_problems += 1
        if len(self.problems) < self.keep:
            self.problems.append(error)

    def check_whole(self) -> None:
        """What `prepare` would refuse though every row can be read."""
        if not self.n_problems and not self.tally.comparable():
            self.problem(
                DataError.at(
                    str(self.file.path),
                    None,
                    "(file)",
                    f"{self.file.rows.count} rows, none of which leaves a prompt with two different answers",
                    "at least one",
                )
            )

    def divided(self) -> list[str]:
        """Whether the division of the campaign leaves a pool and a test: `prepare` refuses a file without one."""
        if self.split is None or not self.tally.spellings or self.tally.spellings.keys() > self.tally.can_score:
            # What has no answer stays in the pool, and need not be in any other split.
            return []
        empty = [name for name, prompts in divided(self.tally.spellings, self.split).items() if not prompts]
        return [f"prepare refuses this file alone: no prompt falls into {' or '.join(empty)}"] if empty else []

    def report(self, path: str) -> CheckReport:
        columned, counts = self.file.rows.columned, self.tally.counts()
        return CheckReport(
            path=path,
            form=None if columned is None else columned.form,
            preset=None if columned is None else columned.preset,
            columns={} if columned is None else columns_of(columned, self.file.rows.first),
            counts={
                "rows": self.file.rows.count,
                **counts,
                "left_out": dict(self.file.rows.left_out),
                "rows_left_out": self.file.rows.unusable.total(),
                "problems": self.n_problems,
            },
            n_problems=self.n_problems,
            problems=tuple(self.problems),
            warnings=(*_warnings(counts, self.file), *self.divided()),
            records=tuple(self.records),
        )


def divided(prompts: Collection[bytes], split: Split) -> dict[str, int]:
    """How many prompts fall into each split that is wanted, by the salt alone.

    Args:
        prompts: ids of their normal forms.
        split: section `data.split`.
    """
    wanted = {"pool": 1 - split.val - split.test, "val": split.val, "test": split.test}
    places = [unit_interval(split.salt, identity.hex()) for identity in prompts]
    counts = {
        "test": sum(place < split.test for place in places),
        "val": sum(split.test <= place < split.test + split.val for place in places),
    }
    counts["pool"] = len(places) - sum(counts.values())
    return {name: counts[name] for name, share in wanted.items() if share > 0}


def columns_of(columned: Columned, row: Mapping[str, Any]) -> dict[str, str | None]:
    """Column (or path) -> meaning; None for a column that is not used."""
    return {**columned.understood(row), **dict.fromkeys(columned.unused)}


def _with_splits(file: PreferenceFile) -> Iterator[tuple[Item, str | None]]:
    """Items with the split that their row names."""
    latest: list[str | None] = [None]

    def items() -> Iterator[Item]:
        for values, several in file.read():
            latest[0] = _split_of(values)
            yield from several

    for item in joined(items()):
        yield item, latest[0]


def _split_of(values: Mapping[str, Any]) -> str | None:
    value = next((values[name] for name in SPLIT_COLUMNS if isinstance(values.get(name), str)), None)
    return value or None


def _warnings(counts: Mapping[str, Any], file: PreferenceFile) -> list[str]:
    told: list[str] = []
    records, prompts = counts["records"], counts["prompts"]
    if records >= _MANY and prompts == 1:
        told.append(f"all {records} records have one and the same prompt: is the question in another column?")
    elif records >= _MANY and counts["largest_prompt_share"] > 0.5:
        told.append(f"{counts['largest_prompt_share']:.0%} of the records have one and the same prompt")
    for name, text in (
        ("conflicts", "{} pairs have votes for both answers"),
        ("near_duplicates", "{} prompts are another spelling of one that is there (blanks, Unicode, invisible)"),
        ("leaking_prompts", "{} prompts stand in more than one split of the file"),
        ("identical", "{} records have two answers that are the same; they are left out"),
    ):
        if counts[name]:
            told.append(text.format(counts[name]))
    if file.rows.left_out:
        reasons = ", ".join(
            f"{count} {reason.replace('_', ' ')}" for reason, count in file.rows.left_out.most_common()
        )
        told.append(f"left out: {reasons} (rows: {file.rows.unusable.total()} of {file.rows.count})")
    none = counts["verdicts"].get("none", 0)
    judged = sum(counts["verdicts"].values()) - none
    if none and judged:
        told.append(f"{none} of {none + judged} comparisons have no verdict: a simulation uses the others alone")
    return told
