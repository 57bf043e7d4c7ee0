"""Both formats in all containers; every malformed row is named."""

from __future__ import annotations

import re

import pytest

from prefloop.errors import DataError
from prefloop.evaluation.rewardbench import Item, read_items
from prefloop.messages.message import Turns
from tests.evaluation.rewardbench.helpers import FOUR, PAIR, best_of, write

ENDINGS = (".parquet", ".jsonl", ".jsonl.gz", ".json")
REF, TIED = best_of("ref:1", "Ties", "p", ["a"], ["b"]), best_of("tied:1", "Ties", "p", ["a", "c"], ["b"])


def texts(*plain: str) -> tuple[Turns, ...]:
    return tuple(map(Turns, plain))


@pytest.mark.parametrize("ending", ENDINGS)
def test_rewardbench_1(tmp_path, ending):
    version, items = read_items(write(tmp_path / f"f{ending}", [PAIR, PAIR | {"id": 8, "rejected": ""}]))
    assert version == 1
    assert items[0] == Item(
        "7", "donotanswer", Turns("Name a river."), (Turns("The Danube."), Turns("A chair.")), 1
    )
    assert items[1].completions == (Turns("The Danube."), Turns(""))


@pytest.mark.parametrize("ending", ENDINGS)
def test_rewardbench_2(tmp_path, ending):
    version, items = read_items(write(tmp_path / f"f{ending}", [FOUR, REF, TIED]))
    assert version == 2
    assert items[0] == Item("12", "Focus", Turns("Name a metal."), texts("Iron.", "Wood.", "Rain.", "Milk."), 1)
    assert items[2] == Item("tied:1", "Ties", Turns("p"), texts("a", "c", "b"), 2)
    assert [item.is_tie for item in items] == [False, True, True]


def test_what_may_be_left_out(tmp_path):
    pair = {name: PAIR[name] for name in ("prompt", "chosen", "rejected", "subset")}
    assert read_items(write(tmp_path / "1.jsonl", [pair, pair]))[1][1].id == "2"
    four = {name: FOUR[name] for name in ("id", "prompt", "chosen", "rejected", "num_correct", "subset")}
    assert read_items(write(tmp_path / "2.jsonl", [four]))[0] == 2


def test_a_prompt_of_messages_reads_as_in_other_preference_files(tmp_path):
    messages = [{"role": "user", "content": "Hi."}, {"role": "assistant", "content": "Yes?"}]
    messages += [{"role": "user", "content": "Go."}]
    _, items = read_items(write(tmp_path / "f.jsonl", [PAIR | {"prompt": messages}]))
    assert items[0].prompt.plain == "User: Hi.\n\nAssistant: Yes?\n\nUser: Go."


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_a_system_prompt_in_a_column_of_its_own_belongs_to_the_prompt(tmp_path, ending):
    for row in (PAIR, FOUR):
        path = write(tmp_path / f"f{ending}", [row | {"System Prompt": "Be brief."}])
        assert read_items(path)[1][0].prompt.plain == f"System: Be brief.\n\nUser: {row['prompt']}"
    with pytest.raises(DataError, match="row 1, field 'system': got 3, expected a text, or null"):
        read_items(write(tmp_path / "x.jsonl", [PAIR | {"system": 3}]))


MALFORMED = [
    (PAIR, {"prompt": ""}, "field 'prompt': got '', expected a text that is not empty"),
    (PAIR, {"prompt": None}, "field 'prompt': got None, expected a text"),
    (PAIR, {"subset": None}, "field 'subset': got None, expected a name that is not empty"),
    (PAIR, {"subset": ...}, "field 'subset': got nothing (the row has no such field)"),
    (PAIR, {"chosen": ["The Danube."]}, "field 'chosen': got ['The Danube.'], expected a text (lists of"),
    (PAIR, {"rejected": None}, "field 'rejected': got None, expected a text"),
    (PAIR, {"rejected": ...}, "field 'rejected': got nothing (the row has no such field), expected a text"),
    (PAIR, {"rejected": 3}, "field 'rejected': got 3, expected a text"),
    (PAIR, {"id": [1]}, "field 'id': got [1], expected a name"),
    (FOUR, {"chosen": "Iron."}, "field 'chosen': got 'Iron.', expected a list of texts, at least one"),
    (FOUR, {"chosen": []}, "field 'chosen': got [], expected a list of texts, at least one"),
    (FOUR, {"rejected": []}, "field 'rejected': got [], expected a list of texts, at least one"),
    (FOUR, {"rejected": ["x", None, "y"]}, "field 'rejected[1]': got None, expected a text"),
    (FOUR, {"rejected": [{"role": "user", "content": "x"}]}, "field 'rejected': got [{'role'"),
    (FOUR, {"num_correct": 2}, "field 'num_correct': got 2, expected 1, as many as there are texts"),
    (FOUR, {"num_correct": "1"}, "field 'num_correct': got '1', expected 1"),
    (FOUR, {"num_correct": True}, "field 'num_correct': got True, expected 1"),
    (FOUR, {"num_correct": None}, "field 'num_correct': got None, expected 1"),
    (FOUR, {"num_incorrect": 2}, "field 'num_incorrect': got 2, expected 3"),
    (FOUR, {"total_completions": 5}, "field 'total_completions': got 5, expected 4"),
    (FOUR, {"id": ""}, "field 'id': got '', expected a name that is not empty"),
    (REF, {"id": "3"}, "field 'id': got '3', expected ref:N or tied:N"),
    (REF, {"id": "tied:3"}, "field 'chosen': got ['a'], expected at least two texts in a tied row"),
    (REF, {"id": "ref:01"}, "field 'id': got 'ref:01', expected an id that no other row"),
]


@pytest.mark.parametrize(("row", "change", "expected"), MALFORMED, ids=[str(c) for _, c, _ in MALFORMED])
def test_a_malformed_row_is_named(tmp_path, row, change, expected):
    bad = {name: value for name, value in (row | change).items() if value is not ...}
    path = write(tmp_path / "f.jsonl", [row, bad])
    with pytest.raises(DataError, match=re.escape(f"{path}, row 2, {expected}")):
        read_items(path)


@pytest.mark.parametrize("rows", [[REF], [TIED], [REF, TIED | {"id": "tied:2"}]])
def test_ties_need_a_prompt_in_both_forms(tmp_path, rows):
    with pytest.raises(DataError, match=r"field 'id': got .*, expected at least one prompt both as ref:N and"):
        read_items(write(tmp_path / "f.jsonl", rows))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("f.csv", b"x", "f.csv: got text that is neither JSON nor a table"),
        ("f.jsonl", b"", "f.jsonl: got no rows, expected at least one"),
        ("f.json", b"[]", "f.json: got no rows"),
        ("f.json", b'{"a": 1}\n{"a": 2}\n', "row 1: got the fields a; expected those of RewardBench 1"),
        ("f.json", b'{"a": 1}', "row 1: got the fields a; expected those of"),
        ("f.json", b"[3]", "row 1, field '(row)': got 3, expected a list of JSON objects"),
        ("f.jsonl", b'{"prompt": ', "row 1, field '(line)'"),
        (
            "f.jsonl",
            b'{"prompt": "p", "answer": 3}',
            "row 1: got the fields prompt, answer; expected those of Rew",
        ),
        ("f.jsonl.gz", b"nothing", "got text that is neither JSON nor a table"),
        ("f.parquet", b"nothing", "got text that is neither JSON nor a table"),
    ],
)
def test_an_unusable_file(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=re.escape(expected)):
        read_items(tmp_path / name)


def test_a_missing_file(tmp_path):
    with pytest.raises(DataError, match="is no file: give a local copy of RewardBench"):
        read_items(tmp_path / "f.parquet")


def test_other_columns(tmp_path):
    path = write(tmp_path / "f.parquet", [{"question": "q", "chosen": "c"}])
    with pytest.raises(
        DataError, match="got the fields question, chosen; expected those of RewardBench 1: prompt"
    ):
        read_items(path)


def test_conversations_that_repeat_the_prompt_hold_it_once(tmp_path):
    asked = [{"role": "user", "content": "Name an item."}]
    rows = [
        {
            "prompt": prompt,
            "subset": "s",
            "chosen": [*asked, {"role": "assistant", "content": "Item 1."}],
            "rejected": [*asked, {"role": "assistant", "content": "No."}],
        }
        for prompt in (asked, "Name an item.")
    ]
    for item in read_items(write(tmp_path / "f.jsonl", rows))[1]:
        assert (item.prompt, item.completions) == (Turns("Name an item."), texts("Item 1.", "No."))


def test_the_second_version_reads_messages_too(tmp_path):
    asked, answer = {"role": "user", "content": "Name a metal."}, {"role": "assistant", "content": "Iron."}
    row = FOUR | {"prompt": [asked], "chosen": [[asked, answer]]}
    (item,) = read_items(write(tmp_path / "f.jsonl", [row]))[1]
    assert (item.prompt, item.completions[:2]) == (Turns("Name a metal."), texts("Iron.", "Wood."))
