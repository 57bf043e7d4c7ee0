"""One conversation written in the dialects of several programs, and strategies for conversations."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from prefloop.messages.message import Call, Message

WORDS = st.lists(st.sampled_from(["tea", "snow", "Bern", "(no)", "ja!", "雪", "é"]), min_size=1, max_size=4).map(
    " ".join
)
CALLS = st.builds(
    lambda name, city, days: Call(name, json.dumps({"city": city, "days": days}, separators=(",", ":"))),
    st.sampled_from(["weather", "look_up"]),
    st.sampled_from(["Bern", "Rome"]),
    st.integers(0, 9),
)


@st.composite
def conversations(draw: st.DrawFn, calls: bool = True) -> tuple[Message, ...]:
    """A conversation that ends with a question: perhaps a system prompt, then users, answers and tools in turn."""
    messages = [Message("system", draw(WORDS))] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(0, 2))):
        messages.append(Message("user", draw(WORDS)))
        if calls and draw(st.booleans()):
            messages.append(Message("assistant", "", tuple(draw(st.lists(CALLS, min_size=1, max_size=2)))))
            messages.append(Message("tool", draw(WORDS)))
        messages.append(Message("assistant", draw(WORDS)))
    return (*messages, Message("user", draw(WORDS)))


@st.composite
def answers(draw: st.DrawFn, calls: bool = True) -> tuple[Message, ...]:
    """What may come after a question: an answer, perhaps a call, perhaps further turns."""
    made = tuple(draw(st.lists(CALLS, max_size=2))) if calls else ()
    first = Message("assistant", draw(WORDS), made)
    return (
        (first, Message("user", draw(WORDS)), Message("assistant", draw(WORDS)))
        if draw(st.booleans())
        else (first,)
    )


def openai(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [
        {"role": m.role, "content": m.content or None if m.calls else m.content}
        | ({"tool_calls": [_openai_call(c) for c in m.calls]} if m.calls else {})
        for m in messages
    ]


def _openai_call(call: Call) -> dict[str, Any]:
    # The order and blanks of the arguments are the writer's own.
    arguments = json.dumps(dict(reversed(json.loads(call.arguments).items())), indent=1)
    return {"id": "c7", "type": "function", "function": {"name": call.name, "arguments": arguments}}


def with_metadata(messages: Sequence[Message]) -> list[dict[str, Any]]:
    names = {"system": "Developer", "user": " Human ", "assistant": "GPT", "tool": "ipython"}
    return [
        {**m, "role": names[m["role"]], "id": str(k), "name": None, "weight": 1.0, "tool_call_id": "c7"}
        for k, m in enumerate(openai(messages))
    ]


def sharegpt(messages: Sequence[Message]) -> list[dict[str, Any]]:
    names = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}
    turns: list[dict[str, Any]] = []
    for message in messages:
        calls = [{"name": c.name, "arguments": json.loads(c.arguments)} for c in message.calls]
        if calls and not message.content:
            turns.append({"from": "function_call", "value": json.dumps(calls)})
        else:
            turns.append({"from": names[message.role], "value": message.content, "tool_calls": calls or None})
    return turns


def parts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Content as parts, tool calls and results among them."""
    return [_in_parts(message) for message in messages]


def _in_parts(message: Message) -> dict[str, Any]:
    half = len(message.content) // 2
    texts = [{"type": "text", "text": text} for text in (message.content[:half], message.content[half:])]
    if message.role == "tool":
        return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": texts}]}
    uses = [
        {"type": "tool_use", "id": "t", "name": c.name, "input": json.loads(c.arguments)} for c in message.calls
    ]
    return {"role": message.role, "content": [*(texts if message.content else []), *uses]}


def numpy_text(messages: Sequence[Message]) -> str:
    return "[" + "\n ".join(repr(message) for message in openai(messages)) + "]"


DIALECTS: dict[str, Callable[[Sequence[Message]], Any]] = {
    "openai": openai,
    "metadata": with_metadata,
    "sharegpt": sharegpt,
    "parts": parts,
    "JSON": lambda messages: json.dumps(openai(messages), indent=2),
    "JSON of JSON": lambda messages: json.dumps(json.dumps(openai(messages))),
    "repr": lambda messages: repr(with_metadata(messages)),
    "numpy": numpy_text,
    "object": lambda messages: {"id": 3, "conversations": sharegpt(messages)},
}


def _headed(names: dict[str, str], between: str) -> Callable[[Sequence[Message]], str]:
    return lambda messages: between.join(f"{names[m.role]}: {m.content}" for m in messages)


def _closed(begin: str, end: str, names: dict[str, str]) -> Callable[[Sequence[Message]], str]:
    return lambda messages: "".join(f"{begin.format(names[m.role])}{m.content}{end}" for m in messages)


_SAME = {"system": "system", "user": "user", "assistant": "assistant"}
_TITLE = {"system": "System", "user": "Human", "assistant": "Assistant"}

TRANSCRIPTS: dict[str, Callable[[Sequence[Message]], str]] = {
    "hh": lambda messages: "\n\n" + _headed(_TITLE, "\n\n")(messages),
    "lines": _headed({"system": "System", "user": "User", "assistant": "AI"}, "\n"),
    "lower": _headed(_SAME, "\n"),
    "hashes": _headed({role: f"### {name}" for role, name in _TITLE.items()}, "\n"),
    "alpaca": _headed({"system": "### System", "user": "### Instruction", "assistant": "### Response"}, "\n\n"),
    "vicuna": _headed({"system": "SYSTEM", "user": "USER", "assistant": "ASSISTANT"}, " "),
    "chatml": _closed("<|im_start|>{}\n", "<|im_end|>\n", _SAME),
    "llama3": _closed("<|start_header_id|>{}<|end_header_id|>\n\n", "<|eot_id|>", _SAME),
    "zephyr": _closed("<|{}|>\n", "</s>\n", _SAME),
    "bold": _closed("**{}:** ", "\n\n", _TITLE),
    "bold, the colon outside": _closed("**{}**: ", "\n", _TITLE),
    "markdown": _closed("## {}\n", "\n\n", _TITLE),
    "brackets": _closed("[{}]: ", "\n", {role: name.upper() for role, name in _SAME.items()}),
    "cohere": _closed(
        "<|START_OF_TURN_TOKEN|><|{}_TOKEN|>",
        "<|END_OF_TURN_TOKEN|>",
        {"system": "SYSTEM", "user": "USER", "assistant": "CHATBOT"},
    ),
    "gemma": _closed("<start_of_turn>{}\n", "<end_of_turn>\n", {**_SAME, "assistant": "model"}),
}
