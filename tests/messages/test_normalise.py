from __future__ import annotations

import json
from typing import Any

import pytest

from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Call, Message, Role, Turns
from prefloop.messages.normalise import read_completion, read_messages, read_prompt

ASKED, SAID = Message("user", "Tea?"), Message("assistant", "Yes.")

ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "Developer", " SYSTEM "), "system"),
    **dict.fromkeys(("user", "Human", "prompter", "INPUT", "customer"), "user"),
    **dict.fromkeys(("assistant", "gpt", "Bot", "model", "chatbot", "AI", "output", "chosen"), "assistant"),
    **dict.fromkeys(("tool", "function", "Observation", "ipython", "tool_response", "tool-response"), "tool"),
}


@pytest.mark.parametrize(("name", "role"), ROLES.items())
def test_roles_go_by_meaning(name: str, role: Role) -> None:
    assert read_messages([{"role": name, "content": "x"}], {}) == (Message(role, "x"),)


def test_an_unknown_role_names_what_is_known_and_the_remedy() -> None:
    told = [{"role": "narrator", "content": "x"}]
    with pytest.raises(MessageError, match=r"prompter.*data\.roles") as caught:
        read_messages([{"role": "user", "content": "x"}, *told], {})
    assert (caught.value.where, caught.value.got) == ("[1].role", "narrator")
    assert read_messages(told, {" Narrator": "user"}) == (Message("user", "x"),)
    # What the user says goes before what the names usually mean.
    assert read_messages([{"role": "bot", "content": "x"}], {"bot": "user"}) == (Message("user", "x"),)


SHAPES: dict[str, Any] = {
    "sharegpt": [{"from": "human", "value": "Tea?"}, {"from": "gpt", "value": "Yes."}],
    "speaker": [{"speaker": "user", "text": "Tea?"}, {"speaker": "bot", "text": "Yes."}],
    "author": [
        {
            "id": "1",
            "author": {"role": "user", "name": None},
            "content": {"content_type": "text", "parts": ["Tea?"]},
        },
        {"id": "2", "author": {"role": "assistant"}, "content": {"content_type": "text", "parts": ["Yes."]}},
    ],
    "keys": [{"user": "Tea?"}, {"assistant": "Yes."}],
    "pairs": [{"assistant": "Yes.", "human": "Tea?"}],
    "null keys": [
        {"role": "user", "content": "Tea?", "from": None, "value": None, "tool_calls": None},
        {"role": "assistant", "content": "Yes.", "from": None, "value": None, "tool_calls": []},
    ],
    "object": {
        "system": "",
        "messages": [{"role": "user", "content": "Tea?"}, {"role": "bot", "content": "Yes."}],
    },
    "empty system": [
        {"role": "system", "content": " "},
        {"role": "user", "content": "Tea?"},
        {"role": "assistant", "content": "Yes."},
    ],
    "parts": [
        {"role": "user", "content": [{"type": "input_text", "text": "Te"}, {"text": "a?"}]},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes.", "image": None}]},
    ],
    "JSON text of an object": json.dumps(
        {"messages": [{"from": "human", "value": "Tea?"}, {"from": "ai", "value": "Yes."}]}
    ),
    "parts stored as text": [
        {"role": "user", "content": '[{"type": "text", "text": "Tea?"}]'},
        {"role": "assistant", "content": '[{"type": "text", "text": "Yes."}]'},
    ],
    "gemini": [{"role": "user", "parts": [{"text": "Tea?"}]}, {"role": "model", "parts": [{"text": "Yes."}]}],
    "types for roles": [{"type": "human", "content": "Tea?"}, {"type": "ai", "content": "Yes."}],
    "a refusal": [{"role": "user", "content": "Tea?"}, {"role": "assistant", "content": None, "refusal": "Yes."}],
    "repr of a tuple": "({'role': 'user', 'content': 'Tea?'}, {'role': 'assistant', 'content': 'Yes.'})",
    "an array of objects": "array([{'role': 'user', 'content': 'Tea?'},\n {'role': 'bot', 'content': 'Yes.'}]"
    ", dtype=object)",
    "JSON with NaN": '[{"role":"user","content":"Tea?","score":NaN},{"role":"bot","content":"Yes."}]',
    "repr of keys": "[{'user': 'Tea?'}, {'assistant': 'Yes.'}]",
    "list of JSON texts": [
        json.dumps({"role": "user", "content": "Tea?"}),
        json.dumps({"role": "assistant", "content": "Yes."}),
    ],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_of_messages(shape: str) -> None:
    assert read_messages(SHAPES[shape], {}) == (ASKED, SAID)


CALLS: dict[str, dict[str, Any]] = {
    "text": {"content": None, "tool_calls": [{"function": {"name": "f", "arguments": '{"b": 1, "a": "ü"}'}}]},
    "object": {"content": "", "tool_calls": [{"name": "f", "arguments": {"a": "ü", "b": 1}}]},
    "no content": {"tool_calls": {"function": {"name": "f", "arguments": {"b": 1, "a": "ü"}}}},
    "JSON text": {"content": None, "tool_calls": '[{"name": "f", "arguments": {"b": 1, "a": "\\u00fc"}}]'},
    "legacy": {"content": None, "function_call": {"name": "f", "arguments": '{"a":"ü","b":1}'}},
    "gemini": {"parts": [{"functionCall": {"name": "f", "args": {"b": 1, "a": "ü"}}}]},
    "custom": {"tool_calls": [{"type": "custom", "custom": {"name": "f", "input": {"b": 1, "a": "ü"}}}]},
    "anthropic": {"content": [{"type": "tool_use", "id": "t", "name": "f", "input": {"b": 1, "a": "ü"}}]},
}


@pytest.mark.parametrize("dialect", CALLS)
def test_calls_are_written_one_way(dialect: str) -> None:
    read = read_completion([{"role": "assistant", **CALLS[dialect]}], {})
    assert read.messages == (Message("assistant", "", (Call("f", '{"a":"ü","b":1}'),)),)
    assert read.plain == '[f({"a":"ü","b":1})]'


def test_arguments_that_are_no_json_stay_as_they_came() -> None:
    twice = {"name": "f", "arguments": '{"a": 1, "a": 2}'}
    assert read_messages([{"role": "bot", "tool_calls": [twice]}], {})[0].calls[0].arguments == twice["arguments"]
    call = {"name": "f", "arguments": "city=Bern"}
    assert read_messages([{"role": "bot", "tool_calls": [call]}], {})[0].calls == (Call("f", "city=Bern"),)
    big = {"name": "f", "arguments": '{"n": 123456789012345678901234}'}
    assert (
        "123456789012345678901234"
        in read_messages([{"role": "bot", "tool_calls": [big]}], {})[0].calls[0].arguments
    )


UNUSABLE: list[tuple[Any, str]] = [
    ([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}], "image"),
    ([{"role": "user", "content": [{"type": "text", "text": "x"}, {"type": "input_audio"}]}], "audio"),
    ([{"role": "user", "content": [{"type": "file", "file": {}}]}], "file"),
    ([{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}], "empty"),
    ([{"role": "user", "content": "x"}, {"role": "assistant", "content": None}], "empty"),
    ([], "empty"),
    ("  ", "empty"),
    (None, "empty"),
]


@pytest.mark.parametrize(("value", "reason"), UNUSABLE)
def test_what_is_of_no_use_has_a_reason(value: Any, reason: str) -> None:
    for read in (read_prompt, read_completion):
        with pytest.raises(Unusable) as caught:
            read(value, {})
        assert caught.value.reason == reason


WRONG: dict[str, tuple[Any, str]] = {
    "texts": (["Tea?", "Yes."], "[0]"),
    "empty in the middle": ([{"role": "user", "content": ""}, {"role": "bot", "content": "x"}], "[0].content"),
    "no role": ([{"content": "x"}], "[0]"),
    "no content": ([{"role": "user"}], "[0]"),
    "number": ([{"role": "user", "content": 3}], "[0].content"),
    "part": ([{"role": "user", "content": [{"type": "thinking", "thinking": "x"}]}], "[0].content[0]"),
    "nameless call": ([{"role": "bot", "content": "x", "tool_calls": [{"id": "c"}]}], "[0].tool_calls[0]"),
    "cut": ('[{"role": "user", "content": "Tea', ""),
    "half a character": ("[{'role': 'user', 'content': '\\ud800'}]", ""),
    "deep": ('[{"role": "user", "content": ' + "[" * 5000, ""),
    "scalar": (7, ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_errors_name_the_place(name: str) -> None:
    value, where = WRONG[name]
    with pytest.raises(MessageError) as caught:
        read_prompt(value, {})
    assert caught.value.where == where


@pytest.mark.parametrize(
    "text",
    [
        "[1] says so.",
        "{'a': 1}",
        '{"role": "admin", "rights": []}',
        '[{"name": "Ann", "value": 3}]',
        '{"role": "user", "content": "x"} is what a message looks like.',
        "[INST] marks the beginning.",
        "Human: a word with a colon",
        "### Plan\n1. Tea",
        "User: guest\nPassword: tea",
        "<|user|> is a token. What is it for?",
        "The log says\n\nHuman: Tea?\n\nAssistant:",
    ],
)
def test_texts_that_quote_stay_texts(text: str) -> None:
    assert read_prompt(text, {}) == Turns(text)
    assert read_completion(text, {}) == Turns(text)


def test_values_without_end_are_read_in_time() -> None:
    for text in (
        "\n" * 50_000 + "x",
        "Human: a\n\nAssistant:" + "\n" * 50_000,
        "USER: a ASSISTANT: " + " " * 50_000,
    ):
        assert read_prompt(text, {}).plain == text


def test_what_a_tool_says_stays_as_it_is() -> None:
    said = '[{"type": "text", "text": "rain"}]'
    told = [{"role": "tool", "content": said}, {"role": "tool", "content": {"mm": 4}}]
    assert read_messages(told, {}) == (Message("tool", said), Message("tool", '{"mm":4}'))


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ({"image": "a.png"}, "image"),
        ({"image_url": {"url": "a.png"}}, "image"),
        ({"type": "picture", "url": "a.png"}, "image"),
        ({"inlineData": {"mimeType": "audio/wav", "data": ""}}, "audio"),
    ],
)
def test_parts_that_do_not_say_their_type(part: dict[str, Any], reason: str) -> None:
    with pytest.raises(Unusable) as caught:
        read_messages([{"role": "user", "content": [part, {"text": "Tea?"}]}], {})
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    "text",
    [r'[{\\"role\\": \\"user\\", \\"content\\": \\"Tea?\\"}]', "[ChatMessage(role='user', content='Tea?')]"],
)
def test_messages_that_are_stored_in_a_way_nobody_reads(text: str) -> None:
    with pytest.raises(MessageError, match="stored as escaped text"):
        read_prompt(text.replace("\\\\", "\\"), {})
