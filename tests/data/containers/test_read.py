"""The same rows come out of every container, and what is none is named as what it is."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import pickle
import sqlite3
import zipfile
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import orjson
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, DatasetDict
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.data.containers import data_files, read_rows, streams
from prefloop.errors import DataError, shown

ROWS = [{"prompt": 'Où: "là"?', "answer": "a, b;\tc"}, {"prompt": "two\nlines", "answer": "日本"}]
LINES = b"".join(orjson.dumps(row) + b"\n" for row in ROWS)


def read(path: Path) -> list[Any]:
    return [values for _, values in read_rows(path, list)]


def problem(path: Path) -> str:
    try:
        return " ".join(f"{n}: {values}" for n, values in read_rows(path, list) if isinstance(values, DataError))
    except DataError as error:
        return str(error)


def table(separator: str, end: str) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    writer.writerows([list(ROWS[0]), *(row.values() for row in ROWS)])
    return text.getvalue()


TEXTS = {
    "lines": LINES,
    "crlf": LINES.replace(b"\n", b"\r\n"),
    "cr": LINES.replace(b"\n", b"\r"),
    "bom": b"\xef\xbb\xbf" + LINES,
    "utf-16": LINES.decode().encode("utf-16"),
    "list": orjson.dumps(ROWS),
    "indented": orjson.dumps(ROWS, option=orjson.OPT_INDENT_2),
    "one after another": b"\n".join(orjson.dumps(row, option=orjson.OPT_INDENT_2) for row in ROWS),
    "wrapped": orjson.dumps({"version": 1, "data": ROWS}),
    "gzip": gzip.compress(LINES[:40]) + gzip.compress(LINES[40:]),
    "zstd": pa.compress(LINES, codec="zstd", asbytes=True),
    "bzip2": bz2.compress(LINES),
    "xz": lzma.compress(orjson.dumps(ROWS)),
    "table in gzip": gzip.compress(table(";", "\r\n").encode()),
    "sep=": b"sep=;\n" + table(";", "\n").encode(),
    "two marks": b"\xef\xbb\xbf\xef\xbb\xbf" + LINES,
    "two marks on a table": b"\xef\xbb\xbf\xef\xbb\xbf" + table(",", "\n").encode(),
    "rows of blanks first": b",\r\n\r\n" + table(",", "\r\n").encode(),
    "a mark in a name": table(",", "\n").replace("prompt", "\u200bprompt").encode(),
    "blanks before quotes": 'prompt,answer\n"Où: ""là""?", "a, b;\tc"\n"two\nlines", "日本"\n'.encode(),
    "one CR an end, LF in a cell": table(",", "\r").replace("two\nlines", '"two\nlines"').encode(),
    **{
        f"{separator!r} {end!r}": table(separator, end).encode() for separator in ",;\t|" for end in ("\n", "\r\n")
    },
    "table in utf-16": table("\t", "\r\n").encode("utf-16"),
}


@pytest.mark.parametrize("name", TEXTS)
def test_the_content_decides(name: str, tmp_path: Path) -> None:
    (tmp_path / "any.name").write_bytes(TEXTS[name])
    assert read(tmp_path / "any.name") == ROWS


def test_columnar_files_and_sheets(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a")
    feather.write_feather(pa.Table.from_pylist(ROWS), str(tmp_path / "b"))
    book = openpyxl.Workbook()
    for cells in [list(ROWS[0]), *(list(row.values()) for row in ROWS)]:
        book.active.append(cells)
    book.save(tmp_path / "c.xlsx")
    assert [read(tmp_path / name) for name in ("a", "b", "c.xlsx")] == [ROWS] * 3


def test_the_sheet_that_people_see_is_read(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Read me first"])
    for title in ("data", "old"):
        sheet = book.create_sheet(title)
        for cells in [list(ROWS[0]), *(list(row.values()) for row in ROWS[: 2 if title == "data" else 1])]:
            sheet.append(cells)
    book["old"].sheet_state = "hidden"
    book.create_chartsheet("chart")
    book.save(tmp_path / "x.xlsx")
    assert read(tmp_path / "x.xlsx") == ROWS


def test_columns_without_names_may_be_several(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(",,prompt,,answer\n,,q,,a\n")
    assert [(row["prompt"], row["answer"]) for row in read(tmp_path / "x.csv")] == [("q", "a")]


@pytest.mark.parametrize("indented", [False, True])
def test_rows_inside_an_object_are_read_at_any_size(indented: bool, tmp_path: Path) -> None:
    rows = [{**ROWS[0], "long": "x" * 500}] * 700
    value = {"version": 1, "about": {"by": "us"}, "data": rows}
    (tmp_path / "x.json").write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 if indented else None))
    assert read(tmp_path / "x.json") == rows


def test_folders_of_shards(tmp_path: Path) -> None:
    Dataset.from_list(ROWS).save_to_disk(tmp_path / "saved")
    DatasetDict({"train": Dataset.from_list(ROWS)}).save_to_disk(tmp_path / "one")
    DatasetDict({k: Dataset.from_list(ROWS) for k in ("train", "test")}).save_to_disk(tmp_path / "two")
    (tmp_path / "shards").mkdir()
    for k in range(2):
        pq.write_table(pa.Table.from_pylist([ROWS[k]]), tmp_path / f"shards/train-0000{k}-of-00002.parquet")
    assert [read(tmp_path / name) for name in ("saved", "one", "shards")] == [ROWS] * 3
    assert "two/test, two/train" in problem(tmp_path / "two")
    assert [str(p) for p in data_files(tmp_path).read if p.parts[0] == "two"] == ["two/test", "two/train"]
    (tmp_path / "shards/train-00000-of-00002.parquet").unlink()
    assert "train-00000-of-00002 is missing" in problem(tmp_path / "shards")


def _zip() -> bytes:
    with zipfile.ZipFile(content := io.BytesIO(), "w") as archive:
        archive.writestr("a.jsonl", LINES)
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"<!DOCTYPE html><html><body>Sign in</body></html>", "HTML or XML page"),
        (_zip(), "a zip archive: unpack it"),
        (pickle.dumps(ROWS), "a pickle"),
        (b"", "the file is empty"),
        (LINES.decode().encode("utf-16-le"), "UTF-16 without a byte-order mark"),
        (table(",", "\n").encode("cp1252", "replace"), "row 1, field '(row)': got b'\\xf9"),
        (gzip.compress(LINES)[:-9], "truncated or damaged gzip"),
        (pa.compress(LINES * 9, codec="zstd", asbytes=True)[:-9], "truncated or damaged zstd"),
        (orjson.dumps(ROWS)[:-1], "inside a list"),
        (orjson.dumps(ROWS) + b"{}", "(row)"),
        (b"[{} {}]", "comma"),
        (b"a,b,a\n1,2,3\n", "the column 'a' twice"),
        (b"a,b;c\n1,2;3\n", "comma and semicolon"),
        (b'{"a": 1}\n{"a" : 1, "a": 2}\n', "row 2, field '(line)': got \"the key 'a' twice\""),
        (b'{"a": {"b": 1, "b": 2}}\n', "the key 'b' twice"),
        (b'{"a": "\\ud800"}\n', "lone surrogates"),
        (b'{"a": 1' + b"0" * 400 + b"}\n", "below 1e308"),
        *((b'{"a": ' + b"[" * n + b"]" * n + b"}\n", "deep") for n in (300, 980, 5000)),
        (b'completions,b\n"[' + b"[" * 980 + b"]" * 981 + b'",2\n', "deep"),
    ],
    # Bytes of archives hold the time, which must not be part of a test's name.
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_read_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(content)
    assert message in problem(tmp_path / "x.jsonl")


def test_a_database_is_named(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "x")
    connection.execute("create table t (a)")
    connection.commit()
    connection.close()
    assert "SQLite" in problem(tmp_path / "x")


def test_rows_before_a_bad_byte_are_delivered(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"a,b\n" + b"1,2\n" * 300 + b"\xe9,2\n")
    *good, (number, bad) = read_rows(tmp_path / "x", list)
    assert (len(good), number, isinstance(bad, DataError)) == (300, 301, True)


def test_a_line_has_a_greatest_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINE", 1 << 20)
    (tmp_path / "x.gz").write_bytes(gzip.compress(LINES + b'{"a": "' + b"x" * (1 << 22)))
    assert "row 3" in problem(tmp_path / "x.gz")
    assert "a line of more than 1048576 bytes" in problem(tmp_path / "x.gz")


def test_parquet_values_are_plain_or_an_error_of_their_row(tmp_path: Path) -> None:
    row = {"t": datetime(2026, 1, 2), "d": Decimal("1.50"), "b": b"x", "m": {"k": [1]}}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x")
    assert read(tmp_path / "x") == [{"t": "2026-01-02T00:00:00", "d": 1.5, "b": "x", "m": {"k": [1]}}]
    dates = pa.array([0, 2**31 - 1, 1], pa.int32()).cast(pa.date32())
    pq.write_table(pa.table({"when": dates}), tmp_path / "y")
    first, second, third = read(tmp_path / "y")
    assert (first, third) == ({"when": "1970-01-01"}, {"when": "1970-01-02"})
    assert "row 2, field 'when'" in str(second)
    assert second.place["row"] == 2


def test_files_that_are_not_read_are_told(tmp_path: Path) -> None:
    for name, content in {"a": LINES, "b.csv": b"a,b\n1,2\n", "notes.md": b"Some, notes\n", "c": _zip()}.items():
        (tmp_path / name).write_bytes(content)
    files = data_files(tmp_path)
    assert ([str(p) for p in files.read], [str(p) for p in files.unread]) == (["a", "b.csv"], ["c", "notes.md"])


TEXT = st.text('ab":\\ \n[]{},é日', max_size=8)
VALUE = TEXT | st.none() | st.lists(TEXT | st.dictionaries(TEXT, TEXT, max_size=2), max_size=3)
OBJECTS = st.dictionaries(TEXT, VALUE, max_size=4)


@settings(max_examples=60, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=4), st.booleans())
def test_any_objects_come_back(tmp_path_factory: pytest.TempPathFactory, rows: list[Any], indented: bool) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    path.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2 if indented else None))
    assert read(path) == rows
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in [{"first": 1}, *rows]))
    assert read(path) == [{"first": 1}, *rows]


@pytest.mark.parametrize("text", ["\x1b[31mred", "a\u202eb", "<img src=x>", "a\x00", "\ud800"])
def test_what_is_shown_does_nothing(text: str) -> None:
    seen = shown(text) + str(DataError.at(text, 1, text, text, "x"))
    assert not any(char in seen for char in "\x1b\u202e\x00\ud800")
    assert "<img" not in seen


def test_names_and_texts_of_people_are_shown_as_they_are() -> None:
    for text in ("daten/größe.jsonl", "日本語", "1 < 2", "नमस्ते"):
        assert shown(text) == text
