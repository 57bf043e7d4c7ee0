"""Columns by their names, and texts beside them that nobody reads."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from prefloop.config.columns import Columns
from prefloop.config.data import Split
from prefloop.data.readers import Meaning, read_file
from prefloop.data.readers.check import check_file
from prefloop.data.records import PairRecord, ResponsesRecord, own_ids
from prefloop.errors import DataError


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def only(path: Path, **columns: str) -> Any:
    (item,) = read_file(path, Meaning(Columns.model_validate(columns))).records()
    return item


@pytest.mark.parametrize("name", ["问题", "คำถาม"])
def test_an_unused_text_without_spaces_is_a_text(tmp_path: Path, name: str) -> None:
    asked = {"问题": "天空为什么是蓝色的", "คำถาม": "ทำไมท้องฟ้าสีฟ้า"}[name]
    row = {name: asked, "chosen": "茶很好。我喜欢。", "rejected": "茶很好。我不喜欢。"}
    report = check_file(write(tmp_path / "x.jsonl", row))
    assert f"--columns prompt={name}" in str(report.problems[0])
    assert only(tmp_path / "x.jsonl", prompt=name).prompt.plain == asked


def test_an_instruction_and_its_input_are_one_prompt(tmp_path: Path) -> None:
    row = {"instruction": "Shorten.", "input": "A long tea.", "output_1": "Tea.", "output_2": "A tea."}
    record = only(write(tmp_path / "x.jsonl", {**row, "winner": "b"}))
    assert isinstance(record, PairRecord)
    assert (record.prompt.plain, record.verdict) == ("Shorten.\nA long tea.", "b")


@pytest.mark.parametrize("name", ["score", "reward", "rating", "scores"])
def test_scores_of_several_answers_by_their_usual_names(tmp_path: Path, name: str) -> None:
    record = only(write(tmp_path / "x.jsonl", {"prompt": "Tea?", "responses": ["Yes.", "No."], name: [2, "1"]}))
    assert isinstance(record, ResponsesRecord)
    assert record.scores == (2, 1)


def test_a_score_that_is_not_a_number_is_none(tmp_path: Path) -> None:
    path = write(
        tmp_path / "x.jsonl", {"prompt": "Tea?", "responses": ["Yes.", "No.", "So."], "scores": [2, "NaN", 1]}
    )
    items = list(read_file(path, Meaning()).records())
    assert [item.scores for item in items if isinstance(item, ResponsesRecord)] == [(2, 1)]


def test_a_dozen_records_with_one_prompt_are_warned_of(tmp_path: Path) -> None:
    rows = [
        {"prompt": "Answer.", "question": f"{k}?", "chosen": f"Yes {k}.", "rejected": "No."} for k in range(12)
    ]
    (warning,) = check_file(write(tmp_path / "x.jsonl", *rows)).warnings
    assert "one and the same prompt" in warning


@pytest.mark.parametrize("column", ["image", "images", "audio"])
def test_a_row_with_an_image_beside_its_texts_is_left_out(tmp_path: Path, column: str) -> None:
    row = {"prompt": "What is it?", "chosen": "A cup.", "rejected": "A cat."}
    path = write(tmp_path / "x.jsonl", {**row, column: ["a.png"]}, {**row, column: []}, {**row, column: None})
    items = list(read_file(path, Meaning()).records())
    assert [isinstance(item, PairRecord) for item in items] == [False, True, True]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": '["Hi"]', "response_a": '["Hello"]', "response_b": '["Yo"]'},
        {"instruction": "Tea?", "input": "", "chosen": "Yes.", "rejected": "No.", "history": [["Hi", "Hello"]]},
    ],
)
def test_turns_that_would_be_text_or_dropped_are_refused(tmp_path: Path, row: dict[str, Any]) -> None:
    (problem,) = read_file(write(tmp_path / "x.jsonl", row), Meaning()).records()
    assert isinstance(problem, DataError)
    assert "turns" in str(problem)


PAIR = {"prompt": "Tea?", "completion_a": "Yes.", "completion_b": "No."}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"id": "a-1"}, "a-1"),
        ({"prompt_id": 7, "Pair ID": "p 1 "}, "p 1 "),
        ({"question_id": 7}, "7"),
        ({"_id": {"$oid": "5f"}}, "5f"),
        ({"uid": 12.0}, "12"),
        ({"uid": 1.5}, "1.5"),
        ({"uuid": ["x", 1]}, '["x", 1]'),
        ({"id": True}, "true"),
        ({"id": None, "uid": "not this"}, None),
        ({"id": " "}, None),
        ({"id": float("nan")}, None),
        ({"key": "k"}, None),
    ],
)
def test_what_the_user_calls_a_row_is_kept_as_it_stands(
    tmp_path: Path, columns: dict[str, Any], expected: str | None
) -> None:
    path = write(tmp_path / "x.jsonl", {**PAIR, **columns})
    assert only(path).id == expected
    assert check_file(path).records[0]["ids"] == ([] if expected is None else [expected])


def test_digits_of_a_table_keep_their_zeros(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("id,prompt,response_a,response_b\n007,Tea?,Yes.,No.\n", encoding="utf-8")
    assert only(tmp_path / "x.csv").id == "007"


def test_an_id_is_taken_from_the_column_that_is_named_and_from_no_other_field(tmp_path: Path) -> None:
    path = write(tmp_path / "x.jsonl", {**PAIR, "id": 3, "meta": {"key": "k"}, "winner": "a"})
    assert only(path, id="meta.key").id == "k"
    assert only(path, id="").id is None
    record = only(path, annotator="id")
    assert (record.annotator, record.id) == ("3", None)


@pytest.mark.parametrize("name", ["prompt_id", "question_id", "id", "uid"])
def test_a_column_of_ids_changes_nothing_else(tmp_path: Path, name: str) -> None:
    forms: list[dict[str, Any]] = [
        {**PAIR, "winner": "b"},
        {"question": "Tea?", "chosen": "Yes.", "rejected": "No."},
        {"chosen": "Human: Tea?\n\nAssistant: Yes.", "rejected": "Human: Tea?\n\nAssistant: No."},
        {"prompt": "Tea?", "responses": ["Yes.", "No."], "scores": [1, 2]},
        {"system": "s", "question": "Tea?", "chosen": "Yes.", "rejected": "No."},
    ]
    for number, row in enumerate(forms):
        path = write(tmp_path / f"{number}.jsonl", row, {**row, name: "what is it, then?"})
        without, with_id = read_file(path, Meaning()).records()
        assert isinstance(with_id, PairRecord | ResponsesRecord)
        assert own_ids(with_id) == ("what is it, then?",)
        if isinstance(with_id, PairRecord):
            assert replace(with_id, id=None, place=None) == replace(without, place=None)
        else:
            assert replace(with_id, ids=(), place=None) == replace(without, place=None)


def test_ids_of_single_answers_stay_when_the_rows_are_put_together(tmp_path: Path) -> None:
    rows = [{"prompt": "Tea?", "completion": text, "score": 1, "id": text} for text in ("yes", "no", "yes")]
    path = write(tmp_path / "x.jsonl", *rows)
    assert only(path, prompt="prompt", completion="completion", score="score").ids == ("yes", "no")


def test_a_file_without_labels_is_for_a_campaign_and_needs_no_test(tmp_path: Path) -> None:
    split = Split(val=0, test=1e-9, salt="s", per_seed=True, max_prompt_share=1)
    rows = [{**PAIR, "prompt": f"Tea {k}?", "label": "a", "id": k // 2} for k in range(12)]
    labelled = check_file(write(tmp_path / "x.jsonl", *rows), split=split)
    assert labelled.warnings == ("prepare refuses this file alone: no prompt falls into test",)
    assert ["own ids", "6, on 12 records"] in labelled.to_table()
    unlabelled = check_file(write(tmp_path / "y.jsonl", *({**row, "label": None} for row in rows)), split=split)
    assert (unlabelled.ok, unlabelled.warnings) == (True, ())
    assert ["hidden answers", "no labels: a campaign can label these"] in unlabelled.to_table()
