from __future__ import annotations

import csv
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from prefloop.config.data import FileEntry
from prefloop.data.containers import data_files
from prefloop.data.readers import Meaning, read_records
from prefloop.data.records import PairRecord, Record, ResponsesRecord
from prefloop.errors import DataError

PAIR = {"prompt": "Why?", "completion_a": "So.", "completion_b": "Because.", "label": "b"}
USER, YES, NO = (
    {"role": role, "content": text} for role, text in (("user", "Q"), ("assistant", "Y"), ("assistant", "N"))
)


def jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    content = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def parquet(path: Path, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), path)


def csv_file(path: Path, rows: list[dict[str, Any]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(
            {k: orjson.dumps(v).decode() if isinstance(v, list) else v for k, v in row.items()} for row in rows
        )


WRITERS: dict[str, Callable[[Path, list[dict[str, Any]]], None]] = {
    "x.jsonl": jsonl,
    "x.jsonl.gz": jsonl,
    "x.parquet": parquet,
    "x.csv": csv_file,
}


def read(folder: Path, rows: list[dict[str, Any]], name: str = "x.jsonl", **entry: Any) -> list[Record]:
    WRITERS[name](folder / name, rows)
    return list(read_records([FileEntry(path=Path(name), **entry)], folder, Meaning()))


def read_pair(folder: Path, row: dict[str, Any]) -> tuple[str, str, str, str | None]:
    (record,) = read(folder, [row])
    assert isinstance(record, PairRecord)
    return record.prompt.plain, record.completion_a.plain, record.completion_b.plain, record.verdict


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_reads_given_pairs_alike(tmp_path: Path, name: str) -> None:
    rows = [PAIR, {**PAIR, "prompt": 'Two\n"lines", ü', "label": "tie"}, {**PAIR, "label": None}]
    records = read(tmp_path, rows, name, split="test")
    assert [(r.prompt.plain, r.completion_a.plain, r.completion_b.plain, r.verdict) for r in records] == [  # type: ignore[union-attr]
        (row["prompt"], row["completion_a"], row["completion_b"], row["label"]) for row in rows
    ]
    assert {(r.source, r.split) for r in records} == {(name, "test")}


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_reads_responses_alike(tmp_path: Path, name: str) -> None:
    rows = [
        {"prompt": "P", "completions": ["x", "y", "z"], "scores": [1.0, 2.5, 3.0], "models": ["m", "n", "m"]},
        {"prompt": "R", "completions": ["x", "y"], "scores": None, "models": None},
    ]
    first, second = read(tmp_path, rows, name)
    assert isinstance(first, ResponsesRecord)
    answers = tuple(turns.plain for turns in first.completions)
    assert (answers, first.scores, first.models) == (("x", "y", "z"), (1.0, 2.5, 3.0), ("m", "n", "m"))
    assert isinstance(second, ResponsesRecord)
    assert (second.scores, second.models) == (None, None)


def test_label_may_be_missing_everywhere(tmp_path: Path) -> None:
    assert read_pair(tmp_path, {k: v for k, v in PAIR.items() if k != "label"})[3] is None


def test_trl_explicit_prompt(tmp_path: Path) -> None:
    row = {"prompt": "Q", "chosen": "Y", "rejected": "N"}
    assert read_pair(tmp_path, row) == ("Q", "Y", "N", "a")


def test_conversations_give_the_same_texts_as_plain_fields(tmp_path: Path) -> None:
    explicit = {"prompt": [USER], "chosen": [YES], "rejected": [NO]}
    implicit = {"chosen": [USER, YES], "rejected": [USER, NO]}
    repeated = {"prompt": "Q", "chosen": [USER, YES], "rejected": [USER, NO]}
    for row in (explicit, implicit, repeated):
        assert read_pair(tmp_path, row) == ("Q", "Y", "N", "a")


def test_several_messages_become_paragraphs(tmp_path: Path) -> None:
    start = [{"role": "system", "content": "Be kind."}, USER, YES, {"role": "user", "content": "More?"}]
    prompt, *_ = read_pair(tmp_path, {"chosen": [*start, YES], "rejected": [*start, NO]})
    assert prompt == "System: Be kind.\n\nUser: Q\n\nAssistant: Y\n\nUser: More?"


def test_transcripts_are_divided_at_the_last_shared_turn(tmp_path: Path) -> None:
    start = "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Why?\n\nAssistant:"
    row = {"chosen": f"{start} So it is.", "rejected": f"{start} So what."}
    assert read_pair(tmp_path, row) == (start.strip(), "So it is.", "So what.", "a")


def test_transcripts_that_part_early_keep_the_shared_turns_as_prompt(tmp_path: Path) -> None:
    start = "\n\nHuman: Hi\n\nAssistant:"
    row = {
        "chosen": f"{start} A\n\nHuman: x\n\nAssistant: B",
        "rejected": f"{start} C\n\nHuman: x\n\nAssistant: D",
    }
    prompt, chosen, _, _ = read_pair(tmp_path, row)
    assert (prompt, chosen) == (start.strip(), "A\n\nHuman: x\n\nAssistant: B")


def test_other_texts_are_divided_after_a_sentence(tmp_path: Path) -> None:
    row = {"chosen": "What is up?\nIt is blue", "rejected": "What is up?\nIt is black"}
    assert read_pair(tmp_path, row) == ("What is up?", "It is blue", "It is black", "a")


def test_where_selects_rows_and_the_rest_is_ignored(tmp_path: Path) -> None:
    rows = [{**PAIR, "domain": "x", "n": 1}, {**PAIR, "domain": "y", "n": 2, "label": "a"}]
    for name in WRITERS:
        assert [r.verdict for r in read(tmp_path, rows, name, where="domain=y")] == ["a"]  # type: ignore[union-attr]
        assert len(read(tmp_path, rows, name, where="n=1")) == 1


def test_annotator_and_models_are_kept(tmp_path: Path) -> None:
    (record,) = read(tmp_path, [{**PAIR, "annotator": 7, "model_a": "m", "model_b": "n"}])
    assert isinstance(record, PairRecord)
    assert (record.annotator, record.model_a, record.model_b) == ("7", "m", "n")


def test_without_entries_every_data_file_of_the_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not data")
    (tmp_path / "deep").mkdir()
    for name in ("b.jsonl", "a.jsonl", "deep/c.jsonl.gz", ".hidden.jsonl"):
        jsonl(tmp_path / name, [PAIR])
    assert [str(path) for path in data_files(tmp_path).read] == ["a.jsonl", "b.jsonl", "deep/c.jsonl.gz"]
    assert [record.source for record in read_records([], tmp_path, Meaning())] == [
        "a.jsonl",
        "b.jsonl",
        "c.jsonl.gz",
    ]


def test_an_empty_folder_names_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not data")
    with pytest.raises(DataError, match=r"no data file.*data\.source to example"):
        list(read_records([], tmp_path, Meaning()))


def test_a_mark_of_byte_order_is_no_content(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"\xef\xbb\xbf" + orjson.dumps(PAIR) + b"\n\n")
    assert len(list(read_records([FileEntry(path=Path("x.jsonl"))], tmp_path, Meaning()))) == 1
