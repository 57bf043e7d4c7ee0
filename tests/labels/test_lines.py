"""Lines read in bulk: what is no line of a log is found, however it would look in a list."""

from __future__ import annotations

import json

import pytest

from prefloop.errors import DataError
from prefloop.labels.log import LabelLog
from tests.labels.helpers import label


def lines(count):
    return [json.dumps(label(number).model_dump(exclude_none=True)) for number in range(count)]


def broken(kind):
    one, two, three = lines(3)
    return {
        # Two values on one line, and one value on two: as many values as lines.
        "two and a half": [f"{one},{two}", three[:-1], "}"],
        "two on one line": [f"{one},{two}", three],
        "a value on two lines": [one, two[:-1], "}"],
        "a comma behind": [f"{one},", two],
        "a list": [f"[{one}]", two],
    }[kind]


@pytest.mark.parametrize(
    "kind", ["two and a half", "two on one line", "a value on two lines", "a comma behind", "a list"]
)
def test_lines_that_are_values_only_together_are_refused(tmp_path, kind):
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(line + "\n" for line in broken(kind)))
    with pytest.raises(DataError, match=r"row [123]"):
        LabelLog(path).read_on()


def test_lines_with_other_fields_are_read_beside_each_other(tmp_path):
    path = tmp_path / "labels.jsonl"
    values = [json.loads(line) for line in lines(4)]
    values[1]["strength"], values[3]["rubric_version"] = 0.5, "2"
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    table = LabelLog(path).read_on().lines
    assert table["strength"].to_pylist() == [None, 0.5, None, None]
    assert table["rubric_version"].to_pylist() == [None, None, None, "2"]


def test_a_pair_id_of_other_completions_is_named_though_other_lines_have_it_right(tmp_path):
    path = tmp_path / "labels.jsonl"
    values = [json.loads(line) for line in lines(3)]
    values.append(values[0] | {"completion_b": values[1]["completion_b"]})
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    with pytest.raises(DataError, match="row 4"):
        LabelLog(path).read_on()
