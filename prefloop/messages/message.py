"""Messages of a conversation, and turns: a prompt or a completion, as its plain form and its messages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import orjson

Role = Literal["system", "user", "assistant", "tool"]

# How a role is written in the plain form.
HEADINGS: dict[Role, str] = {"system": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call.

    Attributes:
        name: the tool's name.
        arguments: JSON text with sorted keys; what came that is no JSON, as it came.
    """

    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message; ids, times and whatever else a source says of it are no part of it.

    Attributes:
        role: who speaks.
        content: what is said; may be empty beside calls.
        calls: tools that the message calls, in order.
    """

    role: Role
    content: str
    calls: tuple[Call, ...] = ()


@dataclass(frozen=True, slots=True)
class Turns:
    """A prompt or a completion.

    Attributes:
        plain: the plain form: what ids are made of and what people, judges and encoders without a chat template
            read. Of a text, the text itself, a transcript's included.
        messages: at least one, or None where `plain` is all there is: one message of the user (a prompt) or of the
            assistant (a completion).
    """

    plain: str
    messages: tuple[Message, ...] | None = None

    @classmethod
    def prompt(cls, messages: Iterable[Message]) -> Self:
        """A prompt of at least one message.

        Its plain form is the content of a single message of the user, else paragraphs `System: ...`, `User: ...`
        with a blank line between two.
        """
        messages = tuple(messages)
        alone = _content_alone(messages, "user")
        return cls(_paragraphs(messages), messages) if alone is None else cls(alone)

    @classmethod
    def completion(cls, messages: Iterable[Message]) -> Self:
        """A completion of at least one message.

        Its plain form goes on where the prompt ends, with the assistant speaking: as a prompt's, but without the
        heading of a first message of the assistant, whether it is the only one or not.
        """
        messages = tuple(messages)
        alone = _content_alone(messages, "assistant")
        if alone is not None:
            return cls(alone)
        first, rest = messages[0], messages[1:]
        if first.role != "assistant":
            return cls(_paragraphs(messages), messages)
        return cls("\n\n".join([_spoken(first), *([_paragraphs(rest)] if rest else [])]), messages)

    def as_prompt(self) -> tuple[Message, ...]:
        """The messages of a prompt."""
        return self.messages or (Message("user", self.plain),)

    def as_completion(self) -> tuple[Message, ...]:
        """The messages of a completion."""
        return self.messages or (Message("assistant", self.plain),)

    @property
    def kept(self) -> str | None:
        """The messages as a table keeps them beside the plain form: JSON, or None."""
        if self.messages is None:
            return None
        kept = [[m.role, m.content, *([c.name, c.arguments] for c in m.calls)] for m in self.messages]
        return orjson.dumps(kept).decode()

    @classmethod
    def load(cls, plain: str, kept: str | None) -> Self:
        """The turns that a table keeps."""
        if kept is None:
            return cls(plain)
        rows = orjson.loads(kept)
        return cls(
            plain, tuple(Message(role, said, tuple(Call(*c) for c in calls)) for role, said, *calls in rows)
        )


def as_dicts(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as chat templates take them: role, content, and tool_calls where there are any.

    A call's arguments are an object where they are one, as chat templates expect.
    """
    return [
        {"role": message.role, "content": message.content}
        | ({"tool_calls": [_call(call) for call in message.calls]} if message.calls else {})
        for message in messages
    ]


def _call(call: Call) -> dict[str, Any]:
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        arguments = call.arguments
    return {"type": "function", "function": {"name": call.name, "arguments": arguments}}


def _content_alone(messages: Sequence[Message], role: Role) -> str | None:
    """The content of a single message of a role that calls nothing, else None."""
    if len(messages) == 1 and messages[0].role == role and not messages[0].calls:
        return messages[0].content
    return None


def _paragraphs(messages: Sequence[Message]) -> str:
    return "\n\n".join(f"{HEADINGS[message.role]}: {_spoken(message)}" for message in messages)


def _spoken(message: Message) -> str:
    """Content, then each call on a line of its own."""
    calls = [f"[{call.name}({call.arguments})]" for call in message.calls]
    return "\n".join([*([message.content] if message.content or not calls else []), *calls])
