"""All that can be said of one preference file before it is used, for `prefloop data check FILE`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefloop.config.data import Split
from prefloop.data.readers.files import SPLIT_COLUMNS, PreferenceFile, read_file
from prefloop.data.readers.mapping import Columned, Meaning
from prefloop.data.readers.rows import Item, joined
from prefloop.data.readers.tally import Tally
from prefloop.data.records import PairRecord, Record, Unread
from prefloop.errors import DataError
from prefloop.io.hashing import unit_interval
from prefloop.messages.message import as_dicts

# Records from which one prompt alone is suspicious.
_MANY = 10


@dataclass(frozen=True)
class CheckReport:
    """What stands in a file and what is wrong with it.

    Attributes:
        path: the file.
        form: name of its form, or None where no row could be read.
        preset: the known schema that is used, or None.
        columns: column -> meaning; None for one that is not used.
        counts: rows, records and so on, and what is left out by reason.
        n_problems: all problems found.
        problems: the first of them, in the order of the file.
        warnings: what deserves a look.
        records: the first records as they will be used.
    """

    path: str
    form: str | None
    preset: str | None
    columns: dict[str, str | None]
    counts: dict[str, Any]
    n_problems: int
    problems: tuple[DataError, ...]
    warnings: tuple[str, ...]
    records: tuple[dict[str, Any], ...]

    @property
    def ok(self) -> bool:
        """Whether `prepare` can read the file."""
        return not self.n_problems

    def unused(self) -> list[list[str]]:
        """Columns that are not used, and why, in one row."""
        names = [name for name, meaning in self.columns.items() if meaning is None]
        why = "not used: no field that prefloop knows (--columns FIELD=COLUMN)"
        return [[", ".join(names), why]] if names else []

    def to_table(self) -> list[list[str]]:
        """The counts as (name, value) rows for a person."""
        counts = self.counts
        judged = max(sum(counts["verdicts"].values()), 1)
        shares = [f"{name} {n} ({n / judged:.1%})" for name, n in sorted(counts["verdicts"].items())]
        left_out = [f"{n} {reason.replace('_', ' ')}" for reason, n in sorted(counts["left_out"].items())]
        rows = {
            "file": self.path,
            "form": (self.form or "unknown") + (f", known data set {self.preset}" if self.preset else ""),
            "rows": counts["rows"],
            "records": counts["records"],
            "distinct prompts": counts["prompts"],
            "largest prompt": f"{counts['largest_prompt_share']:.1%} of the records",
            "near-duplicate prompts": counts["near_duplicates"],
            "prompts in several splits": counts["leaking_prompts"],
            "pairs": counts["pairs"],
            "hidden answers": ", ".join(shares) or "none",
            "pairs with a conflict": counts["conflicts"],
            "pairs with a tie": counts["pairs_with_tie"],
            "repeats merged": f"{counts['repeats']} (and {counts['duplicate_rows']} rows that say the same again)",
            "scored answers": f"{counts['scored']} of {counts['answers']}",
            "identical answers": counts["identical"],
            "left out": ", ".join(left_out) or "nothing",
            "problems": self.n_problems,
        }
        return [[name, str(value)] for name, value in rows.items()]

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {
            "form": self.form,
            "columns": self.columns,
            "counts": self.counts,
            "problems": [_problem(problem, self.path) for problem in self.problems],
            "warnings": list(self.warnings),
            "records": list(self.records),
        }


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
        if self.split is None or not self.tally.spellings:
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


def shown(record: Record) -> dict[str, Any]:
    """One record as it will be used."""
    is_pair = isinstance(record, PairRecord)
    if isinstance(record, PairRecord):
        completions = [record.completion_a, record.completion_b]
        models = [record.model_a, record.model_b] if record.model_a or record.model_b else None
    else:
        completions, models = list(record.completions), None if record.models is None else list(record.models)
    return {
        "prompt": as_dicts(record.prompt.as_prompt()),
        "completions": [as_dicts(turns.as_completion()) for turns in completions],
        "verdict": record.verdict if isinstance(record, PairRecord) else None,
        "scores": None if is_pair or record.scores is None else list(record.scores),  # type: ignore[union-attr]
        "models": models,
        "annotator": record.annotator if isinstance(record, PairRecord) else None,
    }


def told(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A record of a report as (name, text) rows for a person."""
    ordinals = ("first", "second") if record["scores"] is None and len(record["completions"]) == 2 else ()
    rows = [("prompt", spoken(record["prompt"]))]
    for place, messages in enumerate(record["completions"]):
        name = ordinals[place] if ordinals else f"answer {place + 1}"
        if record["models"] is not None and record["models"][place]:
            name += f" ({record['models'][place]})"
        score = None if record["scores"] is None else record["scores"][place]
        rows.append((name if score is None else f"{name}, score {score:g}", spoken(messages)))
    if ordinals:
        verdict = {"a": "the first is better", "b": "the second is better", None: "nobody has judged"}
        rows.append(("verdict", verdict.get(record["verdict"], str(record["verdict"]))))
        rows.append(("who", record["annotator"] or "not said"))
    return rows


def spoken(messages: list[dict[str, Any]]) -> str:
    """Messages for people: the content alone where one message is all there is."""
    if len(messages) == 1 and "tool_calls" not in messages[0]:
        return str(messages[0]["content"])
    return "\n".join(_line(message) for message in messages)


def _line(message: Mapping[str, Any]) -> str:
    calls = [call["function"] for call in message.get("tool_calls", ())]
    said = [message["content"], *(f"[{call['name']}({call['arguments']})]" for call in calls)]
    return f"{message['role']}: " + " ".join(filter(None, said))


def _problem(error: DataError, path: str) -> dict[str, Any]:
    if error.place is None:
        return {"file": path, "row": None, "field": None, "got": str(error), "expected": None}
    return error.place
