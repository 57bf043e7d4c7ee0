"""All problems of one preference file, for `prefloop data check FILE`."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from prefloop.data.readers.files import PreferenceFile
from prefloop.data.readers.forms import Origin
from prefloop.data.records import PairRecord, Record
from prefloop.errors import DataError
from prefloop.io.hashing import prompt_id


@dataclass(frozen=True)
class CheckReport:
    """What stands in a file and what is wrong with it.

    Attributes:
        path: the file.
        form: name of its form, or None where no row could be read.
        rows: rows read, good and bad.
        prompts: distinct prompts.
        answers: number of rows per hidden answer: a, b, tie, none; scored, none for responses.
        identical: pairs whose two answers are the same text; `prepare` drops them.
        n_problems: all problems found.
        problems: the first of them, in the order of the file.
    """

    path: str
    form: str | None
    rows: int
    prompts: int
    answers: dict[str, int]
    identical: int
    n_problems: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether `prepare` can read the file."""
        return not self.n_problems

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object."""
        return {**asdict(self), "problems": list(self.problems), "ok": self.ok}

    def to_table(self) -> list[tuple[str, str]]:
        """The report as (name, value) rows for a person; the problems stand apart."""
        total = max(sum(self.answers.values()), 1)
        shares = ", ".join(f"{name} {count} ({count / total:.1%})" for name, count in sorted(self.answers.items()))
        return [
            ("file", self.path),
            ("form", self.form or "unknown"),
            ("rows", str(self.rows)),
            ("distinct prompts", str(self.prompts)),
            ("hidden answers", shares or "none"),
            ("identical answers", str(self.identical)),
            ("problems", str(self.n_problems)),
        ]


def check_file(path: Path, where: str | None = None, keep: int = 50) -> CheckReport:
    """Read a whole file and collect its problems instead of stopping at the first.

    Args:
        path: a file of rows, or a folder that is one data set.
        where: FIELD=VALUE to check only those rows, or None.
        keep: problems kept in the report; all are counted.

    Returns:
        The report; a file that is missing or has no known form is a report with that one problem.
    """
    file = PreferenceFile(path, where, Origin(path.name, None))
    counter = _Counter()
    problems: list[str] = []
    n_problems = 0
    try:
        for item in file.records():
            if isinstance(item, DataError):
                n_problems += 1
                problems += [str(item)] if len(problems) < keep else []
            else:
                counter.add(item)
    except DataError as error:
        n_problems, problems = n_problems + 1, [*problems, str(error)]
    return CheckReport(
        path=str(path),
        form=file.form,
        rows=counter.rows + n_problems,
        prompts=len(counter.prompts),
        answers=dict(counter.answers),
        identical=counter.identical,
        n_problems=n_problems,
        problems=tuple(problems),
    )


class _Counter:
    def __init__(self) -> None:
        self.rows = self.identical = 0
        self.prompts: set[bytes] = set()
        self.answers: Counter[str] = Counter()

    def add(self, record: Record) -> None:
        self.rows += 1
        self.prompts.add(bytes.fromhex(prompt_id(record.prompt.plain)))
        if isinstance(record, PairRecord):
            self.identical += record.completion_a == record.completion_b
            self.answers[record.verdict or "none"] += 1
        else:
            self.answers["none" if record.scores is None else "scored"] += 1
