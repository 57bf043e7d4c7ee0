"""Lines of a label log as columns: checked a block at a time, and one by one where a line is wrong."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from io import BytesIO
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from prefloop.errors import DataError
from prefloop.io.hashing import pair_ids
from prefloop.io.strict import StrictError, is_plainly_strict, parse
from prefloop.labels.comparison import Comparison
from prefloop.labels.label import Label
from prefloop.labels.rules import keeps_rules
from prefloop.labels.verdicts import Compared

SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("pair_id", "prompt_id", "completion_a", "completion_b", "annotator")]
    + [
        (name, pa.string())
        for name in ("timestamp", "source", "verdict", "reason", "shown_left", "rubric_version")
    ]
    + [(name, pa.string()) for name in ("purpose", "lease", "comment")]
    + [(name, pa.int64()) for name in ("round", "duration_ms", "calls", "tokens")]
    + [(name, pa.float64()) for name in ("strength", "cost")]
    + [("reasons", pa.list_(pa.string())), ("criteria", pa.map_(pa.string(), pa.string()))]
)
NO_LINES = SCHEMA.empty_table()

_REQUIRED = SCHEMA.names[:7]
_OPTIONAL = SCHEMA.names[7:]
_NUMBERS: dict[pa.DataType, set[type]] = {
    pa.int64(): {int, type(None)},
    pa.float64(): {int, float, type(None)},
}
_CONFLICT = (b"<<<<<<<", b"=======", b">>>>>>>", b"|||||||")
_BLOCK = 1 << 22
_PARSED = 512
# So few lines are read faster one by one: what a server reads on after each write.
_FEW = 16


class _WrongBlock(Exception):
    """Some line of a block is not as it should be, or not plainly so."""


def read_lines(handle: BinaryIO, path: Path, rows: int = 0, end: int | None = None) -> tuple[pa.Table, int]:
    """Read and check the lines of an open log from where it stands.

    Args:
        handle: the log; its last line is ended.
        path: the log's name in messages.
        rows: lines before this place.
        end: bytes of the log to read up to, where a line ends; None is all.

    Returns:
        A table of SCHEMA in order, and the lines up to the end, blank ones included.

    Raises:
        DataError: a line that is no label, with row and field.
    """
    start, before, tables = handle.tell(), rows, []
    for block in _blocks(handle, end):
        tables.append(_table(block, path, rows))
        rows += len(block)
    table = pa.concat_tables(tables).combine_chunks() if tables else NO_LINES
    if not _ids_belong(table):
        # Some line names a pair that is not that of its completions, or another prompt: find it, and say so.
        handle.seek(start)
        prompts: dict[str, str] = {}
        for block in _blocks(handle, end):
            for row, label in _labels(block, path, before):
                if prompts.setdefault(label.pair_id, label.prompt_id) != label.prompt_id:
                    expected = f"{prompts[label.pair_id]}, as in an earlier label of this pair"
                    raise DataError.at(path, row, "prompt_id", label.prompt_id, expected)
            before += len(block)
    return table, rows


def _blocks(handle: BinaryIO, end: int | None) -> Iterator[list[bytes]]:
    """Lines up to the end, some at a time."""
    while block := handle.read(_BLOCK if end is None else max(0, min(_BLOCK, end - handle.tell()))):
        rest = b"" if block.endswith(b"\n") else handle.readline()
        yield BytesIO(block + rest).readlines()


def _table(block: Sequence[bytes], path: Path, rows: int) -> pa.Table:
    if len(block) > _FEW:
        with suppress(_WrongBlock), _without_collector():
            return _plain(block)
    return _one_by_one(block, path, rows)


def _ids_belong(table: pa.Table) -> bool:
    """Whether every pair_id is that of its two completions; an id is computed once, however many lines have it."""
    if not len(table):
        return True
    names = ("pair_id", "completion_a", "completion_b", "prompt_id")
    column = {name: table[name].combine_chunks() for name in names}
    encoded = pc.dictionary_encode(column["pair_id"])
    codes = encoded.indices.to_numpy()
    first = np.empty(len(encoded.dictionary), dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    for name in ("completion_a", "completion_b", "prompt_id"):
        if not pc.all(pc.equal(column[name].take(first[codes]), column[name])).as_py():
            return False
    lower, higher = (column[name].take(first).to_pylist() for name in ("completion_a", "completion_b"))
    return pair_ids(lower, higher) == encoded.dictionary.to_pylist()


@contextmanager
def _without_collector() -> Iterator[None]:
    """No garbage collection for a block: it makes many objects and no cycles, which took a fifth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _plain(block: Sequence[bytes]) -> pa.Table:
    """The columns of a block in which every line is plainly a label."""
    columns: dict[str, list[Any]] = {name: [] for name in SCHEMA.names}
    try:
        # So few at a time that the parsed lines stay in the processor's cache.
        for start in range(0, len(block), _PARSED):
            lines = [line for line in block[start : start + _PARSED] if not line.isspace()]
            _add(columns, _objects(lines))
    except (ValueError, KeyError, TypeError):
        raise _WrongBlock from None
    table = pa.table(
        [_column(field, columns[field.name], len(columns["pair_id"])) for field in SCHEMA], schema=SCHEMA
    )
    if not keeps_rules(table):
        raise _WrongBlock
    return table


def _objects(lines: list[bytes]) -> list[dict[str, Any]]:
    if not lines:
        return []
    joined = b"[" + b",".join(lines) + b"]"
    values: list[dict[str, Any]] = orjson.loads(joined)
    # A line with two values, or a value on two lines, is no line of a log: each begins with a brace.
    is_lines = joined.startswith(b"[{") and joined.count(b"\n,{") == len(lines) - 1 == len(values) - 1
    if not is_lines or not set(map(type, values)) <= {dict}:
        raise _WrongBlock
    # As many keys as came out of them: none was given twice. Blanks behind a quote take a longer look.
    counted = b'" ' not in joined and b'"\t' not in joined and joined.count(b'":') == sum(map(len, values))
    if not counted and not is_plainly_strict(lines, values):
        raise _WrongBlock
    return values


def _add(columns: dict[str, list[Any]], values: list[dict[str, Any]]) -> None:
    if not values:
        return
    before = len(columns["pair_id"])
    names: Set[str] = values[0].keys()
    parts: dict[str, Sequence[Any]]
    try:
        # Mostly all lines of a log have the same fields.
        if set(map(len, values)) != {len(names)}:
            raise KeyError
        parts = dict(zip(names, zip(*map(itemgetter(*names), values), strict=True), strict=True))
    except KeyError:
        names = set(chain.from_iterable(values))
        parts = {name: [value.get(name) for value in values] for name in names}
    if not names <= columns.keys() or not names >= set(_REQUIRED):
        raise _WrongBlock
    for name, part in parts.items():
        columns[name].extend([None] * (before - len(columns[name])))
        columns[name].extend(part)


def _column(field: pa.Field, values: list[Any], count: int) -> pa.Array:
    if not values:
        return pa.nulls(count, field.type)
    values.extend([None] * (count - len(values)))
    # Arrow would take 1.5 or true for an integer; for a text it takes texts alone.
    if field.type in _NUMBERS and not set(map(type, values)) <= _NUMBERS[field.type]:
        raise _WrongBlock
    if field.name == "criteria":
        values = [value if value is None else list(value.items()) for value in values]
    try:
        array = pa.array(values, field.type)
    except (pa.ArrowException, OverflowError, UnicodeError, TypeError):
        raise _WrongBlock from None
    if field.name in _REQUIRED and array.null_count:
        raise _WrongBlock
    return array


def _one_by_one(block: Sequence[bytes], path: Path, rows: int) -> pa.Table:
    return table_of(label for _, label in _labels(block, path, rows))


def table_of(labels: Iterable[Label]) -> pa.Table:
    """Labels as a table of SCHEMA."""
    rows = [label.model_dump() for label in labels]
    return pa.Table.from_pylist(
        [row | {"criteria": list((row["criteria"] or {}).items()) or None} for row in rows], SCHEMA
    )


def _labels(block: Sequence[bytes], path: Path, rows: int) -> Iterator[tuple[int, Label]]:
    """The labels of a block with their rows."""
    for row, line in enumerate(block, start=rows + 1):
        label = None if line.isspace() else _label(line, path, row)
        if label is not None:
            yield row, label


def _label(line: bytes, path: Path, row: int) -> Label | None:
    if line.startswith(_CONFLICT):
        raise DataError(
            f"{path}, row {row}: a conflict marker of git ({line[:7].decode()}): two branches appended labels. "
            "Keep every label of both and delete the lines of the markers; merge=union for this file in "
            ".gitattributes lets git do so by itself"
        )
    try:
        value = parse(line, "a JSON object")
    except StrictError as error:
        raise DataError.at(path, row, "(line)", error.got, error.expected) from None
    if not isinstance(value, dict):
        raise DataError.at(path, row, "(line)", value, "a JSON object")
    if not {"oracle", "prompt"} <= value.keys():
        return label_of_object(value, path, row)
    try:
        return _former(value)
    except ValidationError as error:
        raise _problem(path, row, error.errors()[0]) from None


def label_of_object(value: dict[str, Any], path: Path, row: int) -> Label:
    """The label that the object of a line is.

    Raises:
        DataError: it is none, with row and field.
    """
    try:
        return Label.model_validate(value)
    except ValidationError as error:
        raise _problem(path, row, error.errors()[0]) from None


def _problem(path: Path, row: int, detail: ErrorDetails) -> DataError:
    field = ".".join(str(part) for part in detail["loc"]) or "pair_id"
    if detail["type"] == "missing":
        return DataError(f"{path}, row {row}, field '{field}': missing, expected in every label")
    if detail["type"] == "wrong":
        return DataError.at(path, row, detail["ctx"]["field"], detail["ctx"]["got"], detail["msg"])
    if detail["type"] in Label.model_fields:
        return DataError(f"{path}, row {row}, field '{detail['type']}': missing, {detail['msg']}")
    if detail["type"] == "extra_forbidden":
        return DataError.at(path, row, field, detail["input"], "no such field")
    if detail["type"] == "string_pattern_mismatch":
        return DataError.at(path, row, field, detail["input"], "human, oracle, judge:MODEL or data:FILE")
    expected = detail["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return DataError.at(path, row, field, detail["input"], expected)


class _FormerAnswer(BaseModel):
    """A paid answer as active DPO logged it with its texts, before all labels had one schema."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    pair_id: str
    oracle: Annotated[str, Field(min_length=1)]
    prompt: str
    completion_a: str
    completion_b: str
    verdict: Compared | None
    reason: str | None
    calls: Annotated[int, Field(ge=0)]
    tokens: Annotated[int, Field(ge=0)]
    timestamp: str


def _former(value: dict[str, Any]) -> Label | None:
    """The label of a former line; None where its two texts are the same, which was never a label."""
    answer = _FormerAnswer.model_validate(value)
    comparison = Comparison(answer.prompt, answer.completion_a, answer.completion_b)
    if comparison.is_alike:
        return None
    lower, higher = comparison.ids
    return Label(
        pair_id=answer.pair_id,
        prompt_id=comparison.prompt_id,
        completion_a=lower,
        completion_b=higher,
        annotator=answer.oracle,
        verdict=answer.verdict,
        reason=answer.reason or (None if answer.verdict else "not told"),
        calls=answer.calls,
        tokens=answer.tokens,
        timestamp=answer.timestamp,
        source=f"judge:{answer.oracle}",
    )
