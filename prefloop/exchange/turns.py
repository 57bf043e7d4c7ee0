"""Prompts as messages: the inverse of how conversations were turned into texts on reading."""

from __future__ import annotations

import re

Message = dict[str, str]

# The two ways in which a conversation becomes a prompt's text (see prefloop.data.readers.conversation):
# a list of messages as paragraphs, and a transcript that stops where the answer begins.
_PARAGRAPHS = re.compile(r"(?:\A|\n\n)(System|User|Assistant|Tool): ")
_TRANSCRIPT = re.compile(r"(?:\A|\n\n)(Human|Assistant): ?")
_TURN = "\n\nAssistant:"
_ROLES = {"System": "system", "User": "user", "Human": "user", "Assistant": "assistant", "Tool": "tool"}


def messages_of(prompt: str) -> list[Message]:
    """Messages of a prompt's text, the last of them not the assistant's.

    A text that is no conversation, or no plain one, is one message of the user. The roles `developer` and
    `system` were written alike and are read back as `system`.

    Args:
        prompt: as in the prepared table.

    Returns:
        At least one message with role and content.
    """
    if prompt.endswith(_TURN):
        turns = _split(prompt.removesuffix(_TURN), _TRANSCRIPT, fewest=1)
    else:
        turns = _split(prompt, _PARAGRAPHS, fewest=2)
    return turns or [{"role": "user", "content": prompt}]


def _split(text: str, head: re.Pattern[str], fewest: int) -> list[Message] | None:
    before, *rest = head.split(text)
    turns = [{"role": _ROLES[r], "content": c} for r, c in zip(rest[::2], rest[1::2], strict=True)]
    is_plain = not before and len(turns) >= fewest and turns[-1]["role"] != "assistant"
    # An answer or a tool at the very beginning, or an empty turn: more likely a text that quotes one.
    is_plain = is_plain and turns[0]["role"] in ("system", "user")
    return turns if is_plain and all(turn["content"].strip() for turn in turns) else None
