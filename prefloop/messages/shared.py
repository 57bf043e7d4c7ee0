"""What two conversations share, and prompts that stand in two places of a row, as one."""

from __future__ import annotations

from collections.abc import Sequence

from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Message, Role


def count_shared(first: Sequence[Message], second: Sequence[Message]) -> int:
    """Number of shared messages that are the prompt: at least one, with an answer of the assistant after them."""
    most = min(len(first), len(second))
    count = 0
    while count < most and _are_equal(first[count], second[count]):
        count += 1
    if count == most:
        count -= 1
        if first[count].role in ("user", "system"):
            raise Unusable("empty")
    # An answer that called a tool, and what the tool said: the answers differ from that call on.
    while count and "tool" in (first[count].role, second[count].role):
        count -= 1
    if first[count].role != "assistant" or second[count].role != "assistant":
        raise Unusable("no_common_prompt")
    if not count:
        raise MessageError("", "a column with the prompt, or conversations that begin with it", first[0].content)
    return count


def rest_after(prompt: Sequence[Message], messages: Sequence[Message]) -> tuple[Message, ...] | None:
    """The messages after a prompt that they begin with, whether its system prompt is repeated or not."""
    keys = [_key(message) for message in messages]
    for start in (prompt, prompt[1:] if prompt[0].role == "system" else prompt):
        if start and keys[: len(start)] == [_key(message) for message in start]:
            return tuple(messages[len(start) :])
    return None


def merge_prompts(asked: Sequence[Message], shared: Sequence[Message]) -> tuple[Message, ...]:
    """One prompt of a row's prompt and what its conversations share: either may have a system prompt more, and
    the row may give a part of it, such as the last question.

    Raises:
        MessageError: they contradict each other.
    """
    system, one = _apart(asked)
    other_system, other = _apart(shared)
    keys, other_keys = [_key(m) for m in one], [_key(m) for m in other]
    holds = any(other_keys[k : k + len(keys)] == keys for k in range(len(other_keys) - len(keys) + 1))
    systems = {m.content.strip() for m in (*system, *other_system)}
    if holds and len(systems) <= 1:
        return (*(other_system or system), *other)
    got = asked[-1].content if len(systems) <= 1 else asked[0].content
    raise MessageError("", f"a prompt that chosen and rejected begin with ({shared[-1].content!r:.80})", got)


def _are_equal(one: Message, other: Message) -> bool:
    return (
        one.role == other.role
        and one.calls == other.calls
        and (one.content == other.content or one.content.strip() == other.content.strip())
    )


def _key(message: Message) -> tuple[Role, str, object]:
    return message.role, message.content.strip(), message.calls


def _apart(messages: Sequence[Message]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """A first system message, and the others."""
    count = 1 if messages[0].role == "system" else 0
    return tuple(messages[:count]), tuple(messages[count:])
