"""Messages in, messages out: random conversations with tool calls and system prompts, prepared and exported."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest
from datasets import load_dataset
from hypothesis import given, settings
from hypothesis import strategies as st

from prefloop.config.data import Leaks, Split
from prefloop.data.prepare import prepare
from prefloop.data.records import PairRecord
from prefloop.exchange.acquired import Acquired
from prefloop.exchange.dataset import write_preferences
from prefloop.exchange.form import Form
from prefloop.io.arrays import read_table
from prefloop.messages.message import Call, Message, Turns
from prefloop.messages.normalise import read_messages
from tests.exchange.test_trl import model, trainer  # noqa: F401

OPEN = Split(val=0, test=0, salt="s", per_seed=True, max_prompt_share=1)
# What a conversation may hold that a text form of it would trip over.
SAID = st.sampled_from(
    ["Milk?", "a\n\nUser: b", "Assistant: x", "{}", "ünï \u2028 <|im_end|>", "Human: hi", "  y "]
)
CALLS = st.builds(
    lambda name, value: Call(name, orjson.dumps({"q": value}).decode()),
    st.sampled_from(["find", "add_up"]),
    st.sampled_from(["x", 3, None, [1], {"a": "b"}]),
)
SPOKEN = st.one_of(
    st.builds(Message, st.sampled_from(["user", "assistant", "tool"]), SAID),
    st.builds(
        lambda calls, said: Message("assistant", said, tuple(calls)),
        st.lists(CALLS, min_size=1, max_size=2),
        SAID | st.just(""),
    ),
)
PROMPTS = st.builds(
    lambda system, talk, last: Turns.prompt([*system, *talk, Message("user", last)]),
    st.lists(st.builds(Message, st.just("system"), SAID), max_size=1),
    st.lists(SPOKEN, max_size=3),
    SAID,
)
COMPLETIONS = st.builds(
    lambda first, rest: Turns.completion([first, *rest]),
    SPOKEN.filter(lambda message: message.role == "assistant"),
    st.lists(SPOKEN, max_size=3),
)


def export(folder: Path, rows: list[tuple[Turns, Turns, Turns]], name: str, form: Form) -> Path:
    prepare([PairRecord(*row, "a", "s") for row in rows], OPEN, folder / "p", Leaks(similarity=0.8, most=0))
    votes = read_table(folder / "p" / "votes.parquet")
    pairs = votes.select(["prompt_id", "completion_a", "completion_b", "verdict"])
    write_preferences(Acquired(pairs, 0), folder / "p", folder / name, form)
    return folder / name


def said(written: Any) -> tuple[Message, ...]:
    return read_messages(written, {})


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(PROMPTS, COMPLETIONS, COMPLETIONS), min_size=1, max_size=4), st.sampled_from(Form))
def test_messages_come_back_as_they_came(rows: list[tuple[Turns, Turns, Turns]], form: Form) -> None:
    rows = [row for row in rows if row[1].plain != row[2].plain]
    if not rows:
        return
    with tempfile.TemporaryDirectory() as name:
        path = export(Path(name), rows, "x.parquet", form)
        found = read_table(path).to_pylist()
    came = {
        tuple(turns.as_prompt() if k == 0 else turns.as_completion() for k, turns in enumerate(row))
        for row in rows
    }
    for row in found:
        before = said(row["prompt"]) if form is Form.trl else ()
        sides = [said(row[side]) for side in ("chosen", "rejected")]
        assert any(
            (before or prompt, *sides)
            == ((prompt, a, b) if form is Form.trl else (prompt, prompt + a, prompt + b))
            for prompt, a, b in came
        )


TEA = (
    Turns("Tea 1?"),
    Turns.completion([Message("assistant", "Yes."), Message("user", "Milk?"), Message("assistant", "A drop 1.")]),
    Turns("No."),
)
LAST = Message("assistant", "No.")
TOOL = (
    Turns.prompt([Message("system", "Use tools."), Message("user", "Rain?")]),
    Turns.completion(
        [
            Message("assistant", "", (Call("rain", '{"at":"here"}'),)),
            Message("tool", "no"),
            Message("assistant", "No."),
        ]
    ),
    Turns("Perhaps."),
)


def test_turns_are_not_flattened(tmp_path: Path) -> None:
    (row,) = read_table(export(tmp_path, [TEA], "x.parquet", Form.trl)).to_pylist()
    assert row["prompt"] == [{"role": "user", "content": "Tea 1?"}]
    assert row["rejected"] == [{"role": "assistant", "content": "No."}]
    assert [of["content"] for of in row["chosen"]] == ["Yes.", "Milk?", "A drop 1."]


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_a_step_of_dpo_on_tool_calls(tmp_path: Path, model: Path, ending: str) -> None:  # noqa: F811
    path = export(tmp_path, [TEA, TOOL], f"x.{ending}", Form.trl)
    builder = "parquet" if ending == "parquet" else "json"
    dataset = load_dataset(builder, data_files=str(path), split="train", cache_dir=str(tmp_path / "cache"))
    calls = [of["tool_calls"] for row in dataset for of in row["chosen"]]
    assert [call for call in calls if call] == [
        [{"type": "function", "function": {"name": "rain", "arguments": '{"at":"here"}'}}]
    ]
    training = trainer(model, dataset, tmp_path / "out")
    assert len(training.train_dataset) == 2
    training.train()
    assert training.state.global_step == 1


def test_calls_have_a_column_only_where_there_are_any(tmp_path: Path) -> None:
    plain = read_table(export(tmp_path / "a", [TEA], "x.parquet", Form.trl)).schema.field("chosen").type.value_type
    called = (
        read_table(export(tmp_path / "b", [TOOL], "x.parquet", Form.trl)).schema.field("chosen").type.value_type
    )
    assert [field.name for field in plain] == ["role", "content"]
    assert [field.name for field in called] == ["role", "content", "tool_calls"]
    assert called.field("tool_calls").type == pa.list_(
        pa.struct(
            [("type", pa.string()), ("function", pa.struct([("name", pa.string()), ("arguments", pa.string())]))]
        )
    )
