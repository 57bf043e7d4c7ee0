"""The append-only log of verdicts: reading with checks, appending under the writers' lock."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from prefloop.errors import DataError
from prefloop.io.atomic import write_bytes
from prefloop.io.documents import append_jsonl, read_jsonl
from prefloop.io.hashing import pair_id
from prefloop.io.lock import locked

log = logging.getLogger("prefloop")

Verdict = Literal["a", "b", "tie", "both_bad", "skip"]


class Label(BaseModel):
    """One verdict of one annotator on one pair.

    Attributes:
        pair_id, prompt_id, completion_a, completion_b: ids; completion_a < completion_b.
        annotator: who; a later verdict of the same annotator on the same pair replaces the earlier.
        verdict: a, b, tie, both_bad or skip.
        strength: how strong the preference is, 0 to 1, if asked for.
        shown_left: which completion stood left (or first).
        duration_ms: time to answer, milliseconds.
        timestamp: ISO 8601 with zone.
        round: the batch's round.
        source: human, judge:<model> or oracle.
        cost: what the label cost, in the campaign's currency.
        tokens: tokens a judge read and wrote.
        rubric_version: which instructions the annotator had.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    pair_id: str
    prompt_id: str
    completion_a: str
    completion_b: str
    annotator: Annotated[str, Field(min_length=1)]
    verdict: Verdict
    strength: Annotated[float, Field(ge=0, le=1)] | None = None
    shown_left: Literal["a", "b"] | None = None
    duration_ms: Annotated[int, Field(ge=0)] | None = None
    timestamp: str
    round: Annotated[int, Field(ge=0, le=1_000_000)]
    source: Annotated[str, Field(pattern=r"^(human|oracle|judge:.+)$")]
    cost: Annotated[float, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    rubric_version: str | None = None

    @model_validator(mode="after")
    def _names_one_pair(self) -> Label:
        # Otherwise the pair would be asked again, or a verdict be counted for another.
        if self.completion_a >= self.completion_b:
            raise ValueError("completion_a < completion_b; with the completions, swap a and b in the verdict too")
        if self.pair_id != pair_id(self.completion_a, self.completion_b):
            raise ValueError("the pair_id of these two completions")
        return self


def read_labels(path: Path) -> list[Label]:
    """Read and check a label log, in order.

    Raises:
        DataError: a line that is no label; nothing is skipped, since every line was paid for.
    """
    labels = []
    for number, value in read_jsonl(path):
        try:
            labels.append(Label.model_validate(value))
        except ValidationError as error:
            raise _problem(path, number, error.errors()[0]) from None
    return labels


def _problem(path: Path, number: int, detail: ErrorDetails) -> DataError:
    field = ".".join(str(part) for part in detail["loc"]) or "pair_id"
    if detail["type"] == "missing":
        return DataError(f"{path}, row {number}, field '{field}': missing, expected in every label")
    if detail["type"] == "extra_forbidden":
        return DataError.at(path, number, field, detail["input"], "no such field")
    expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return DataError.at(path, number, field, detail["input"], expected)


def append_labels(path: Path, labels: Iterable[Label]) -> None:
    """Append verdicts, all or none, synced, under the lock that the snapshot also takes."""
    append_after_reading(path, lambda _: list(labels))


def append_after_reading(path: Path, answer: Callable[[list[Label]], list[Label]]) -> list[Label]:
    """Read the log and append what `answer` makes of it, as one step for all other writers.

    Returns:
        The appended labels.

    Raises:
        DataError: a line of the log that is no label.
    """
    with locked(path):
        labels = answer(read_labels(path) if path.exists() else [])
        append_jsonl(path, [label.model_dump(exclude_none=True) for label in labels])
    return labels


def snapshot(path: Path, copy: Path) -> int:
    """Copy the log as it stands now, under the writers' lock; return the number of its bytes.

    Stages depend on the copy: a verdict appended while they work would otherwise be recorded as
    consumed by them.

    Raises:
        DataError: the log is missing; it is committed empty and must never be deleted.
    """
    if not path.exists():
        raise DataError(f"{path} is missing: restore it from version control, or create it empty")
    with locked(path):
        content = path.read_bytes()
    write_bytes(copy, content)
    return len(content)


def warn_of_late_labels(path: Path, copy: Path) -> None:
    """Say so when verdicts were appended after the snapshot: this round did not see them.

    DVC hashes the log after the snapshot was taken, so a verdict that falls between the two is
    recorded as seen; the next `dvc repro` then needs to be told.
    """
    late = path.stat().st_size - copy.stat().st_size if path.exists() else 0
    if late:
        log.warning(
            "%s has changed by %d bytes since its snapshot: run dvc repro again, and if it says that nothing "
            "changed, dvc repro -f -s labels && dvc repro",
            path,
            late,
        )


def last_round(labels: list[Label]) -> int:
    """The latest round that has a label, -1 when there is none."""
    return max((label.round for label in labels), default=-1)
