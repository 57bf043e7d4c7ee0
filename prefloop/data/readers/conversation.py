"""Conversations as text: lists of messages, and transcripts in the style of HH-RLHF.

How a list of messages becomes text: a single message is its content; several are paragraphs
`System: ...`, `User: ...`, `Assistant: ...` with a blank line between two. So a prompt of one user
message is the same prompt, with the same id, as its plain text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeGuard

if TYPE_CHECKING:
    from prefloop.data.readers.row import Row

TURN = "\n\nAssistant:"
_ROLES = {"system": "System", "developer": "System", "user": "User", "assistant": "Assistant", "tool": "Tool"}


def is_conversation(value: object) -> TypeGuard[list]:
    """Whether a value is a list of messages (checked only as far as to tell it from anything else)."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def render(messages: Any, row: Row, field: str) -> str:
    """Text of a list of messages, by the rule at the top of this module.

    Raises:
        DataError: a message without a known role or a text as content.
    """
    for k, message in enumerate(messages):
        role = message.get("role") if isinstance(message, Mapping) else None
        if not isinstance(role, str) or role not in _ROLES:
            raise row.error(f"{field}[{k}]", f"a message with a role ({', '.join(_ROLES)}) and content", message)
        content = message.get("content")
        if not isinstance(content, str) or not content.strip():
            raise row.error(f"{field}[{k}].content", "a text that is not empty", content)
    if len(messages) == 1:
        return str(messages[0]["content"])
    return "\n\n".join(f"{_ROLES[message['role']]}: {message['content']}" for message in messages)


def shared_messages(first: list, second: list) -> int:
    """Number of leading messages that two conversations share, one at least left over in each."""
    most = min(len(first), len(second)) - 1
    return next((k for k in range(most) if first[k] != second[k]), most)


def split_texts(first: str, second: str) -> tuple[str, str, str] | None:
    """Divide two texts into the prompt that they share and what each says after it.

    Transcripts (`Human: ...`, `Assistant: ...` with a blank line before each) are divided after the
    last `Assistant:` that they share, other texts at the last shared border of a word.

    Returns:
        Prompt and the two answers, without white space around them (an answer may be empty);
        None where the two texts share no beginning.
    """
    shared = _common_prefix(first, second)
    turn = first.rfind(TURN, 0, shared)
    if turn >= 0:
        border = turn + len(TURN)
    elif first == second:
        return first, first, second
    else:
        border = shared
        while border and not first[border - 1].isspace():
            border -= 1
    prompt = first[:border].strip()
    return (prompt, first[border:].strip(), second[border:].strip()) if prompt else None


def _common_prefix(first: str, second: str) -> int:
    differing = (k for k, (x, y) in enumerate(zip(first, second, strict=False)) if x != y)
    return next(differing, min(len(first), len(second)))
