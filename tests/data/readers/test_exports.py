"""Exports of annotation tools: a side, a choice, a ranking, several people, several questions."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from prefloop.data.readers import Meaning, read_file
from prefloop.data.records import PairRecord
from prefloop.errors import DataError

ANSWERS = {"response_a": "Yes, green.", "response_b": "No, black."}
ROW = {"prompt": "Tea?", "answer1": "Yes, green.", "answer2": "No, black."}


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def votes(path: Path) -> list[tuple[str | None, str | None]]:
    """Verdict and annotator of each record; an error is raised."""
    said: list[tuple[str | None, str | None]] = []
    for item in read_file(path, Meaning()).records():
        if isinstance(item, DataError):
            raise item
        assert isinstance(item, PairRecord)
        said.append((item.verdict, item.annotator))
    return said


def studio(*results: dict[str, Any]) -> dict[str, Any]:
    annotations = [{"completed_by": 7, "was_cancelled": False, "result": list(results)}]
    return {"id": 1, "data": ROW, "annotations": annotations}


def side(name: str) -> dict[str, Any]:
    return {"from_name": "pw", "type": "pairwise", "value": {"selected": name}}


def choice(name: str) -> dict[str, Any]:
    return {"from_name": "tie", "type": "choices", "value": {"choices": [name]}}


def test_a_tie_by_a_choice_beside_the_pair(tmp_path: Path) -> None:
    assert votes(write(tmp_path / "x.jsonl", studio(choice("Tie")))) == [("tie", "7")]
    assert votes(write(tmp_path / "x.jsonl", studio(side("right"), choice("Helpful")))) == [("b", "7")]


def test_a_side_and_a_tie_of_one_annotator_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one verdict of one annotator"):
        votes(write(tmp_path / "x.jsonl", studio(side("left"), choice("tie"))))


@pytest.mark.parametrize("value", ["right", {"selected": "right"}, [{"type": "pairwise", "selected": "right"}]])
def test_one_row_for_each_annotation(tmp_path: Path, value: Any) -> None:
    row = {**ROW, "id": 1, "pw": value, "annotator": 7, "lead_time": 2.5}
    assert votes(write(tmp_path / "x.jsonl", row)) == [("b", "7")]
    with (tmp_path / "x.csv").open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(row))
        writer.writeheader()
        writer.writerow(row | {"pw": value if isinstance(value, str) else json.dumps(value)})
    assert votes(tmp_path / "x.csv") == [("b", "7")]


def argilla(**questions: Any) -> dict[str, Any]:
    responses = {name: [{"value": value, "user_id": "u"}] for name, value in questions.items()}
    return {"id": "r", "fields": {"prompt": "Tea?", **ANSWERS}, "responses": responses, "suggestions": {}}


def test_the_question_that_is_answered_with_verdicts_counts(tmp_path: Path) -> None:
    row = argilla(comment="I like it", rating=3, preference="response_b")
    assert votes(write(tmp_path / "x.jsonl", row)) == [("b", "u")]


def test_two_questions_with_verdicts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="helpful, preference"):
        votes(write(tmp_path / "x.jsonl", argilla(helpful="response_b", preference="response_a")))


def test_records_of_argilla_1_may_have_suggestions(tmp_path: Path) -> None:
    response = {"user_id": "u", "values": {"preference": {"value": "response_b"}}, "status": "submitted"}
    row = {"fields": {"prompt": "Tea?", **ANSWERS}, "responses": [response], "suggestions": []}
    assert votes(write(tmp_path / "x.jsonl", row)) == [("b", "u")]


def test_votes_in_columns_beside_each_other(tmp_path: Path) -> None:
    row = {"prompt": "Tea?", **ANSWERS, "preference.responses": ["response_b", ["response_a", "response_b"], None]}
    row |= {"preference.responses.users": ["u", "v", "w"]}
    row |= {"preference.responses.status": ["submitted", "discarded", "draft"], "comment.responses": ["so"]}
    assert votes(write(tmp_path / "x.jsonl", row)) == [("b", "u"), ("skip", "v")]


@pytest.mark.parametrize(
    ("word", "verdict"),
    [
        ("1st", "a"),
        ("B >> A", "b"),
        ("Response B is better", "b"),
        ("equally bad", "both_bad"),
        ("no winner", "tie"),
    ],
)
def test_more_words_that_people_use(tmp_path: Path, word: str, verdict: str) -> None:
    assert votes(write(tmp_path / "x.jsonl", {**ROW, "label": word})) == [(verdict, None)]
