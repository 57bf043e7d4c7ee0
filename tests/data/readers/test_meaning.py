"""What is read is what was meant, or an error that names the place: files of every form, mutated.

Each example draws what is meant (prompts, answers, verdicts), writes it in one form, dialect and container,
changes one row in a way whose meaning is known, and reads it. A change without a meaning must change nothing; one
that destroys a row must be said of that row, and leave all others as they were meant. A longer run:
`PREFLOOP_EXAMPLES=5000 pytest tests/data/readers/test_meaning.py`.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prefloop.data.readers import Meaning, read_file
from prefloop.data.records import PairRecord, Unread
from prefloop.errors import DataError

EXAMPLES = int(os.environ.get("PREFLOOP_EXAMPLES", "60"))
WORDS = ["river", "Wien", "naïve", "42", "q", "où", "x = [1]", "tea,", '"so"', "a\tb", "雪", "it's", "semi;colon"]
TEXT = st.lists(st.sampled_from(WORDS), min_size=1, max_size=5).map(" ".join)


@dataclass(frozen=True)
class Meant:
    """One comparison: messages (role, content) of the prompt, two answers, and the verdict."""

    prompt: tuple[tuple[str, str], ...]
    first: str
    second: str
    verdict: str | None


@st.composite
def meanings(draw: st.DrawFn) -> list[Meant]:
    """A few comparisons, each with a number in its texts, so that no two are alike."""
    rows = []
    for number in range(draw(st.integers(3, 6))):
        turns = [("user", f"{draw(TEXT)} {number}?")]
        if draw(st.booleans()):
            turns = [*turns, ("assistant", f"{draw(TEXT)}."), ("user", f"{draw(TEXT)}?")]
        if draw(st.booleans()):
            turns = [("system", f"Be {draw(TEXT)}."), *turns]
        first, second = f"{draw(TEXT)} one.", f"{draw(TEXT)} two."
        rows.append(Meant(tuple(turns), first, second, draw(st.sampled_from(["a", "b", "tie", None]))))
    return rows


# --- dialects: a list of (role, content) as a value of a file


def openai(turns: Any) -> Any:
    return [{"role": role, "content": said} for role, said in turns]


def sharegpt(turns: Any) -> Any:
    names = {"system": "system", "user": "human", "assistant": "gpt"}
    return [{"from": names[role], "value": said} for role, said in turns]


def parts(turns: Any) -> Any:
    return [{"role": role, "content": [{"type": "text", "text": said}]} for role, said in turns]


def with_metadata(turns: Any) -> Any:
    return [
        {"id": f"m{n}", "Content": None, "role": role.title(), "content": said, "name": None, "created": n}
        for n, (role, said) in enumerate(turns)
    ]


def as_text(turns: Any) -> Any:
    return json.dumps(openai(turns), ensure_ascii=False)


def as_repr(turns: Any) -> Any:
    return repr(openai(turns))


DIALECTS: dict[str, Callable[[Any], Any]] = {
    f.__name__: f for f in (openai, sharegpt, parts, with_metadata, as_text, as_repr)
}

SPELLINGS = {
    "a": ["a", "A", " a ", "model_a", "left"],
    "b": ["b", "B", "b ", "model_b", "right"],
    "tie": ["tie", "Tie", "draw", "TIE", "equal"],
    None: [None, "", None],
}


# --- forms: a row of a file


def given_pair(row: Meant, dialect: Any, draw: Any) -> dict[str, Any]:
    label = draw(st.sampled_from(SPELLINGS[row.verdict]))
    return {"prompt": dialect(row.prompt), "completion_a": row.first, "completion_b": row.second, "label": label}


def answered_by_messages(row: Meant, dialect: Any, draw: Any) -> dict[str, Any]:
    sides = {
        "completion_a": dialect([("assistant", row.first)]),
        "completion_b": dialect([("assistant", row.second)]),
    }
    return given_pair(row, dialect, draw) | sides


def _ordered(row: Meant) -> tuple[str, str]:
    return (row.second, row.first) if row.verdict == "b" else (row.first, row.second)


def explicit(row: Meant, dialect: Any, draw: Any) -> dict[str, Any]:
    chosen, rejected = _ordered(row)
    return {"prompt": dialect(row.prompt), "chosen": chosen, "rejected": rejected}


def implicit(row: Meant, dialect: Any, draw: Any) -> dict[str, Any]:
    chosen, rejected = _ordered(row)
    return {
        "chosen": dialect([*row.prompt, ("assistant", chosen)]),
        "rejected": dialect([*row.prompt, ("assistant", rejected)]),
    }


def responses(row: Meant, dialect: Any, draw: Any) -> dict[str, Any]:
    scores = {"a": [2, 1], "b": [1, 2.5], "tie": [1, 1], None: None}[row.verdict]
    return {"prompt": dialect(row.prompt), "completions": [row.first, row.second], "scores": scores}


FORMS = {f.__name__: f for f in (given_pair, answered_by_messages, explicit, implicit, responses)}


# --- containers: rows as the bytes of a file


def jsonl(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def json_list(rows: list[dict[str, Any]]) -> bytes:
    return json.dumps(rows, indent=1).encode()


def zipped(rows: list[dict[str, Any]]) -> bytes:
    return gzip.compress(jsonl(rows))


def _cell(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _table(rows: list[dict[str, Any]], delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(rows[0])
    writer.writerows([_cell(value) for value in row.values()] for row in rows)
    return text.getvalue().encode()


def comma(rows: list[dict[str, Any]]) -> bytes:
    return _table(rows, ",")


def semicolon(rows: list[dict[str, Any]]) -> bytes:
    return b"\xef\xbb\xbf" + _table(rows, ";")


def tabs(rows: list[dict[str, Any]]) -> bytes:
    return _table(rows, "\t")


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


CONTAINERS = {f.__name__: f for f in (jsonl, json_list, zipped, comma, semicolon, tabs, parquet)}


# Those that keep a number a number, and a null a null.
OF_VALUES = ["jsonl", "json_list", "zipped"]


# --- changes of one row that mean nothing, and such as destroy it


def unused_column(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"weight": 3, "note": "whatever"}


def other_order(row: dict[str, Any]) -> dict[str, Any]:
    return dict(reversed(row.items()))


HARMLESS = {f.__name__: f for f in (unused_column, other_order, dict)}


def _side(row: dict[str, Any]) -> str:
    return next(name for name in ("completion_b", "rejected", "completions") if name in row)


def null_answer(row: dict[str, Any]) -> dict[str, Any]:
    side = _side(row)
    return row | {side: [row[side][0], None] if side == "completions" else None}


def number_for_answer(row: dict[str, Any]) -> dict[str, Any]:
    side = _side(row)
    return row | {side: 7}


def unknown_role(row: dict[str, Any]) -> dict[str, Any]:
    name = "prompt" if "prompt" in row else "chosen"
    return row | {name: [{"role": "narrator", "content": "Once."}, {"role": "user", "content": "And?"}]}


def picture(row: dict[str, Any]) -> dict[str, Any]:
    name = "prompt" if "prompt" in row else "chosen"
    return row | {name: [{"role": "user", "content": [{"type": "image", "image": "x.png"}]}]}


def torn_text(row: dict[str, Any]) -> dict[str, Any]:
    name = "prompt" if "prompt" in row else "chosen"
    return row | {name: '[{"role": "user", "content": "Half a list'}


HARMFUL = {f.__name__: f for f in (null_answer, number_for_answer, unknown_role, picture, torn_text)}


def read(path: Path) -> list[Any]:
    """Everything that comes of a file; an error of the whole file is the last item."""
    items: list[Any] = []
    try:
        items.extend(read_file(path, Meaning(max_unusable=1.0)).records())
    except DataError as error:
        items.append(error)
    return items


def answers(record: Any) -> tuple[Any, ...]:
    """The answers of a record; one that has lost its other answer can't be compared."""
    return (record.completion_a, record.completion_b) if isinstance(record, PairRecord) else record.completions


def meaning(record: Any) -> Meant:
    """A record as what it means."""
    prompt = tuple((m.role, m.content) for m in record.prompt.as_prompt())
    if isinstance(record, PairRecord):
        verdict = record.verdict
    else:
        scores = record.scores
        gap = None if scores is None else scores[0] - scores[1]
        verdict = None if gap is None else "a" if gap > 0 else "b" if gap < 0 else "tie"
    first, second = (side.as_completion()[0].content for side in answers(record))
    return Meant(prompt, first, second, verdict)


def write(folder: Path, container: str, rows: list[dict[str, Any]]) -> Path:
    path = folder / "given"
    path.write_bytes(CONTAINERS[container](rows))
    return path


def expected(form: str, row: Meant) -> Meant:
    """What a form can say of a comparison: chosen and rejected name a winner, the first of the two."""
    if form in ("explicit", "implicit"):
        chosen, rejected = _ordered(row)
        return Meant(row.prompt, chosen, rejected, "a")
    return row


FILES = {
    "form": st.sampled_from(sorted(FORMS)),
    "dialect": st.sampled_from(sorted(DIALECTS)),
    "container": st.sampled_from(sorted(CONTAINERS)),
    "meant": meanings(),
    "data": st.data(),
}


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.sampled_from(sorted(HARMLESS)), **FILES)
def test_what_is_read_is_what_was_meant(tmp_path, form, dialect, container, meant, data, change):
    rows = [HARMLESS[change](FORMS[form](row, DIALECTS[dialect], data.draw)) for row in meant]
    items = read(write(tmp_path, container, rows))
    assert [item for item in items if not hasattr(item, "prompt")] == []
    assert [meaning(item) for item in items] == [expected(form, row) for row in meant]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(change=st.sampled_from(sorted(HARMFUL)), **(FILES | {"container": st.sampled_from(OF_VALUES)}))
def test_a_row_that_is_destroyed_is_named_and_no_other_is_touched(
    tmp_path, form, dialect, container, meant, data, change
):
    rows = [FORMS[form](row, DIALECTS[dialect], data.draw) for row in meant]
    at = data.draw(st.integers(0, len(rows) - 1))
    rows[at] = HARMFUL[change](rows[at])
    items = read(write(tmp_path, container, rows))
    place = f", row {at + 1}"
    said = [item for item in items if isinstance(item, DataError | Unread)]
    assert said, "a destroyed row was read without a word"
    for item in said:
        assert place in str(item) if isinstance(item, DataError) else item.place.row == at + 1
    good = [expected(form, row) for k, row in enumerate(meant) if k != at]
    whole = [item for item in items if hasattr(item, "prompt") and len(answers(item)) == 2]
    assert [meaning(item) for item in whole] == good
