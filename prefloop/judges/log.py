"""The append-only log of paid answers: reading with checks, appending under the writers' lock."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from prefloop.errors import DataError
from prefloop.io.documents import append_jsonl
from prefloop.io.lock import locked
from prefloop.judges.types import Comparison

Verdict = Literal["a", "b", "tie"]
WORDS: tuple[Verdict, Verdict, Verdict] = ("a", "b", "tie")  # by code of `prefloop.labels.verdicts`


class Entry(BaseModel):
    """One answer of one oracle about one pair.

    Attributes:
        pair_id: id of the pair.
        oracle: name of the oracle (see `types.Oracle`).
        prompt, completion_a, completion_b: texts; a is the completion of the lower id.
        verdict: a, b or tie; None: no answer.
        reason: see `types.Answer`.
        calls, tokens: what it took.
        timestamp: ISO 8601 with zone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    pair_id: str
    oracle: Annotated[str, Field(min_length=1)]
    prompt: str
    completion_a: str
    completion_b: str
    verdict: Verdict | None
    reason: str | None
    calls: Annotated[int, Field(ge=0)]
    tokens: Annotated[int, Field(ge=0)]
    timestamp: str

    @model_validator(mode="after")
    def _names_its_pair(self) -> Entry:
        # Otherwise the verdict would be given for another pair, or turned round.
        pair = Comparison(self.prompt, self.completion_a, self.completion_b)
        if self.pair_id != pair.pair or not (pair.a_is_lower or pair.is_alike):
            raise ValueError("the pair_id of this prompt and these completions, the one of the lower id as a")
        return self


class VerdictLog:
    """The log as this process knows it: the first verdict of each oracle on each pair."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._verdicts: dict[tuple[str, str], Entry] = {}
        self._read, self._rows = 0, 0

    def find(self, oracle: str, pair: str) -> Entry | None:
        """The verdict of an oracle on a pair, as far as the log was read."""
        return self._verdicts.get((oracle, pair))

    def refresh(self) -> None:
        """Read what was appended since the last time, by whomever.

        Raises:
            DataError: a line that is no answer; nothing is skipped, since every line was paid for.
        """
        with locked(self._path):
            self._read_on()

    def add(self, entry: Entry) -> Entry:
        """Append an answer, synced, and return the one that stands: an earlier verdict, if there is one.

        Raises:
            DataError: as above.
        """
        with locked(self._path):
            append_jsonl(self._path, [entry.model_dump()])
            self._read_on()
        return self._verdicts.get((entry.oracle, entry.pair_id), entry)

    def _read_on(self) -> None:
        size = self._path.stat().st_size if self._path.exists() else 0
        if size < self._read:  # somebody edited it: start afresh
            self._verdicts, self._read, self._rows = {}, 0, 0
        if size == self._read:
            return
        with open(self._path, "rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if line.strip():
                    entry = self._entry(line, self._rows + 1)
                    if entry.verdict is not None:
                        self._verdicts.setdefault((entry.oracle, entry.pair_id), entry)
                if line.endswith(b"\n"):  # an editor's last line may lack it; it is read again with the next
                    self._read += len(line)
                    self._rows += 1

    def _entry(self, line: bytes, row: int) -> Entry:
        try:
            return Entry.model_validate_json(line)
        except ValidationError as error:
            detail = error.errors()[0]
        if detail["type"] == "json_invalid":
            shown = line.decode("utf-8", "backslashreplace").strip()
            raise DataError.at(self._path, row, "(line)", shown, "a JSON object in UTF-8")
        field = ".".join(str(part) for part in detail["loc"]) or "pair_id"
        came = "nothing (the row has no such field)" if detail["type"] == "missing" else detail["input"]
        expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        raise DataError.at(self._path, row, field, came, expected)
