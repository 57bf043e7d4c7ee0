"""Every malformed input gives one message that names file, row, field, what came and what was expected."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefloop.config.data import FileEntry
from prefloop.data.readers import Meaning, read_file, read_records
from prefloop.data.readers.check import check_file
from prefloop.data.records import ResponsesRecord
from prefloop.errors import DataError

PAIR = {"prompt": "Why?", "completion_a": "So.", "completion_b": "Because.", "label": "b"}
MANY = {"prompt": "P", "completions": ["x", "y"], "scores": [1, 2]}
USER, YES, NO = (
    {"role": role, "content": text} for role, text in (("user", "Q"), ("assistant", "Y"), ("assistant", "N"))
)

ROWS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (PAIR, {"label": "c"}, r"field 'label': got 'c', expected 'a', 'b' or 'tie'"),
    (PAIR, {"label": 1}, r"field 'label': got 1, expected 'a', 'b' or 'tie'"),
    (PAIR, {"label": ["a"]}, r"field 'label': got \['a'\]"),
    (PAIR, {"prompt": 3}, r"field 'prompt': got 3, expected a text, or messages"),
    (PAIR, {"annotator": ["x"]}, r"field 'annotator': got \['x'\], expected a name"),
    (
        PAIR,
        {"prompt": '[{"role": "user", "content": "x", "content": "y"}]'},
        r"field 'prompt': got .*'content' twice",
    ),
    (MANY, {"scores": [1]}, r"field 'scores': got '1 values', expected 2, one per completion"),
    (MANY, {"scores": "high"}, r"field 'scores': got 'high', expected a list"),
    (MANY, {"scores": [1, "x"]}, r"field 'scores\[1\]': got 'x', expected a finite number"),
    (MANY, {"scores": [1, True]}, r"field 'scores\[1\]': got True, expected a finite number"),
    (MANY, {"models": ["m"]}, r"field 'models': got '1 values', expected 2"),
    (MANY, {"completions": []}, r"field 'completions': got \[\], expected a list of texts"),
    (MANY, {"completions": "x"}, r"field 'completions': got 'x', expected a list"),
    (
        {"chosen": "Is it same?\nx", "rejected": "Is it same?\ny"},
        {"rejected": "other"},
        r"field 'prompt': got 'Is it same.*expected a column with the prompt",
    ),
    (
        {"chosen": [USER, YES], "rejected": [USER, NO]},
        {"chosen": [USER, {"role": "poet", "content": "Y"}]},
        r"field 'chosen\[1\].role': got 'poet', expected a role that is known",
    ),
]


def read(path: Path, where: str | None = None) -> int:
    return len(list(read_records([FileEntry(path=path, where=where)], Path(), Meaning())))


def write(path: Path, *lines: bytes) -> Path:
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


@pytest.mark.parametrize(("good", "change", "message"), ROWS)
def test_a_bad_field_is_named_with_its_row(
    tmp_path: Path, good: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "x.jsonl", orjson.dumps(good), orjson.dumps({**good, **change}))
    with pytest.raises(DataError, match=rf"x\.jsonl, row 2, {message}"):
        read(path)
    report = check_file(path)
    assert (report.n_problems, report.counts["rows"], report.ok) == (1, 2, False)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"prompt": "P",', r"row 2, field '\(line\)': got .*expected one JSON object a line"),
        (b"[1, 2]", r"row 2, field '\(line\)': got \[1, 2\], expected one JSON object a line"),
        (b'{"prompt": "\xff\xfe"}', r"row 2, field '\(line\)': got b'\\xff\\xfe.*expected text in UTF-8"),
        (b'{"prompt": "\\ud800"}', r"row 2, .*expected text without lone surrogates"),
        (b'{"prompt": "P"}', r"row 2, field 'completion_a': got nothing"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = write(tmp_path / "x.jsonl", orjson.dumps(PAIR), line)
    with pytest.raises(DataError, match=message):
        read(path)


@pytest.mark.parametrize("number", [b"-Infinity", b"Infinity", b"1e999"])
def test_a_number_that_is_not_finite_is_named(tmp_path: Path, number: bytes) -> None:
    line = b'{"prompt": "P", "completions": ["x", "y"], "scores": [1, ' + number + b"]}"
    with pytest.raises(DataError, match=r"row 1, field 'scores\[1\]': got -?inf, expected a finite number"):
        read(write(tmp_path / "x.jsonl", line))


# A good row of each form, and what makes it one of no use.
UNUSABLE: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    (PAIR, {"completion_a": ""}, "empty"),
    (PAIR, {"completion_b": " \n"}, "empty"),
    (PAIR, {"prompt": None}, "empty"),
    (
        {"chosen": [USER, YES], "rejected": [USER, NO]},
        {"rejected": [{**USER, "content": "R"}, NO]},
        "no_common_prompt",
    ),
    ({"prompt": "Q", "chosen": "Y", "rejected": "N"}, {"rejected": float("nan")}, "empty"),
    (MANY, {"completions": ["", None]}, "empty"),
    (MANY, {"prompt": " "}, "empty"),
]


@pytest.mark.parametrize(("good", "change", "reason"), UNUSABLE)
def test_one_row_of_no_use_is_left_out_and_counted(
    tmp_path: Path, good: dict[str, Any], change: dict[str, Any], reason: str
) -> None:
    lines = (json.dumps(row).encode() for row in (good, {**good, **change}))
    report = check_file(write(tmp_path / "x.jsonl", *lines))
    assert (report.ok, report.counts["records"], report.counts["rows_left_out"]) == (True, 1, 1)
    assert set(report.counts["left_out"]) == {reason}


def test_answers_without_text_score_or_model_are_left_out(tmp_path: Path) -> None:
    row = {"prompt": "P", "completions": ["v", "", "x", "y", "z"], "scores": [1, 2, None, 4, 5]}
    (record,) = [
        item
        for item in read_file(
            write(tmp_path / "x.jsonl", orjson.dumps({**row, "models": ["m", "m", "m", "", "n"]})), Meaning()
        ).records()
        if isinstance(item, ResponsesRecord)
    ]
    assert ([t.plain for t in record.completions], record.scores, record.models) == (
        ["v", "z"],
        (1, 5),
        ("m", "n"),
    )


def test_above_the_share_the_file_is_refused_with_reasons_and_places(tmp_path: Path) -> None:
    rows = [{**PAIR, "prompt": f"P{k}"} for k in range(40)]
    rows[3]["completion_a"], rows[7]["prompt"] = "", ""
    path = write(tmp_path / "x.jsonl", *map(orjson.dumps, rows))
    with pytest.raises(DataError, match=r"2 of 40 rows that cannot be used \(2 empty; the first: row 4: empty"):
        read(path)
    assert check_file(path, Meaning(max_unusable=0.05)).ok


def test_long_numbers_of_annotators_are_kept_apart(tmp_path: Path) -> None:
    votes = [{**PAIR, "annotator": number} for number in (12345678.0, 12345679.0, 3.0)]
    report = check_file(write(tmp_path / "x.jsonl", *(json.dumps(vote).encode() for vote in votes)), show=3)
    assert [record["annotator"] for record in report.records] == ["12345678", "12345679", "3"]
    assert (
        check_file(write(tmp_path / "y.jsonl", b'{"annotator": 1e999,' + orjson.dumps(PAIR)[1:])).n_problems == 1
    )


def test_unknown_fields_are_listed_with_the_known_forms(tmp_path: Path) -> None:
    row = {"question": "Q", "answer": "A"}
    pq.write_table(pa.Table.from_pylist([row]), tmp_path / "x.parquet")
    for path in (write(tmp_path / "x.jsonl", orjson.dumps(row)), tmp_path / "x.parquet"):
        with pytest.raises(DataError, match=r"got the fields question, answer; expected.*chosen, rejected"):
            read(path)
        assert not check_file(path).ok


def test_a_truncated_gzip_is_named(tmp_path: Path) -> None:
    lines = b"".join(orjson.dumps({**PAIR, "prompt": str(k)}) + b"\n" for k in range(200))
    (tmp_path / "x.jsonl.gz").write_bytes(gzip.compress(lines)[:-100])
    with pytest.raises(DataError, match=r"x\.jsonl\.gz, row \d+.*got 'a truncated or damaged gzip"):
        read(tmp_path / "x.jsonl.gz")


def test_a_damaged_parquet_is_named(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([PAIR]), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    for damaged in (content[:-20], b"PAR1"):
        (tmp_path / "x.parquet").write_bytes(damaged)
        with pytest.raises(DataError, match=r"x\.parquet: got a damaged or unknown Parquet"):
            read(tmp_path / "x.parquet")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"prompt,completion_a,completion_b\nP,x\n", r"row 1, field '\(row\)': got '2 cells', expected 3"),
        (b'prompt,completion_a,completion_b\nP,x,"y\n', r"row 1, field '\(row\)': got 'unexpected end of data'"),
        (b"prompt,completion_a,completion_b\nP,x,\xff\n", r"got b'\\xff.*expected text in UTF-8"),
        (b"prompt,completions\nP,x|y\n", r"row 1, field 'completions': got 'x\|y', expected a JSON list"),
        (b"a,b\n1,2\n", r"got the fields a, b; expected"),
        (b"prompt,completion_a,completion_b\n", r"got no rows"),
        (b"", r"got no rows"),
    ],
)
def test_a_bad_csv_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.csv")


def test_a_file_without_rows_or_with_another_ending_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got no rows"):
        read(write(tmp_path / "x.jsonl", b""))
    with pytest.raises(DataError, match="neither JSON nor a table"):
        read(write(tmp_path / "x.txt", b"x"))
    with pytest.raises(DataError, match="is no file"):
        read(tmp_path / "missing.jsonl")


def test_a_filter_that_lets_nothing_through_says_why(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", orjson.dumps({**PAIR, "domain": "x"}))
    with pytest.raises(DataError, match="domain=y lets nothing through: got no row with that value"):
        read(path, "domain=y")
    with pytest.raises(DataError, match="topic=y lets nothing through: got rows without that field"):
        read(path, "topic=y")


def test_check_reports_all_problems_and_the_answers(tmp_path: Path) -> None:
    rows = [PAIR, {**PAIR, "label": "x"}, {**PAIR, "label": "tie"}, {**PAIR, "label": None}]
    same = {**PAIR, "completion_b": PAIR["completion_a"], "prompt": "other"}
    path = write(tmp_path / "x.jsonl", *map(orjson.dumps, rows), b"{", orjson.dumps(same))
    report = check_file(path, keep=1)
    assert (report.form, report.counts["rows"], report.counts["prompts"]) == ("given pairs", 6, 2)
    assert (report.counts["identical"], report.n_problems, len(report.problems)) == (1, 2, 1)
    assert report.counts["verdicts"] == {"b": 2, "tie": 1, "none": 1}
    assert set(report.to_json()) == {"form", "columns", "counts", "problems", "warnings", "records"}
    (problem,) = report.to_json()["problems"]
    assert (problem["row"], problem["field"], problem["got"]) == (2, "label", "'x'")
    assert ["hidden answers", "b 2 (50.0%), none 1 (25.0%), tie 1 (25.0%)"] in report.to_table()
