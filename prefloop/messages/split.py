"""Prompts and the two answers of a comparison, told apart where chosen and rejected hold the prompt too."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import takewhile
from typing import Any, TypeVar, TypeVarTuple

from prefloop.messages.borders import count_words, divide
from prefloop.messages.dialects import is_plain
from prefloop.messages.errors import MessageError, Part, Unusable
from prefloop.messages.message import Message, Role, Turns
from prefloop.messages.normalise import decoded, read_completion, read_messages, read_prompt
from prefloop.messages.shared import count_shared, merge_prompts, rest_after
from prefloop.messages.transcripts import Spoken, go_on, may_be_special, read_transcript

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

# Words that a plain prompt has at least, so that answers which begin with it repeat it rather than greet back.
_FEWEST_WORDS = 4


def split_conversations(first: Any, second: Any, roles: Mapping[str, Role]) -> tuple[Turns, Turns, Turns]:
    """Divide chosen and rejected that hold the prompt: messages, transcripts, or texts that begin alike.

    The prompt is what the two share and ends before an answer of the assistant, which both completions begin with.

    Returns:
        Prompt, first and second completion.

    Raises:
        MessageError: not understood, or a prompt that would be a guess.
        Unusable: no common prompt, or an answer is empty.
    """
    first, second = _part("first", _given, first), _part("second", _given, second)
    if not isinstance(first, str) and not isinstance(second, str):
        return _split_messages(*_both(first, second, roles))
    if isinstance(first, str) and isinstance(second, str):
        spoken = _both_spoken(first, second, roles)
        if spoken is not None:
            return _split_spoken(*spoken)
        prompt, one, other = divide(first, second)
        return Turns(prompt), Turns(one), Turns(other)
    raise MessageError("", "both answers as texts, or both as messages", second)


def reconcile(prompt: Any, first: Any, second: Any, roles: Mapping[str, Role]) -> tuple[Turns, Turns, Turns]:
    """Prompt and two answers of a row that has a field for each; the answers may repeat the prompt.

    Raises:
        MessageError: not understood, or the prompt and what the answers begin with contradict each other.
        Unusable: something is empty, or the answers have no common prompt.
    """
    if _are_plain(prompt, first, second):
        return Turns(prompt), Turns(first), Turns(second)
    first, second = _part("first", _given, first), _part("second", _given, second)
    asked = _part("prompt", read_prompt, prompt, roles)
    if isinstance(first, str) and isinstance(second, str):
        return _reconcile_texts(asked, first, second, roles)
    if not isinstance(first, str) and not isinstance(second, str):
        one, other = _both(first, second, roles)
        if _repeats_prompt(one) and _repeats_prompt(other):
            return _reconcile_messages(asked, one, other)
        return asked, _part("first", _answer, asked, one), _part("second", _answer, asked, other)
    return _answered(asked, first, second, roles)


def read_answer(prompt: Turns, value: Any, roles: Mapping[str, Role]) -> Turns:
    """One answer to a prompt that was read: a text (further turns of a transcript are messages), or messages,
    which may repeat the prompt.

    Raises:
        MessageError: not understood, or messages that begin with another prompt.
        Unusable: empty.
    """
    return _completion(prompt, decoded(value), roles)


def join_system(system: str | None, prompt: Turns) -> Turns:
    """A prompt with a system prompt that stands beside it; an empty one is none.

    Raises:
        MessageError: the prompt has another one already.
    """
    if system is None or not system.strip():
        return prompt
    messages = prompt.as_prompt()
    if messages[0].role != "system":
        return Turns.prompt((Message("system", system), *messages))
    if messages[0].content.strip() != system.strip():
        expected = f"the system prompt that the prompt begins with ({messages[0].content!r:.80})"
        raise MessageError("", expected, system)
    return prompt


def _are_plain(*values: Any) -> bool:
    """Whether a glance tells that three values are texts, none of which holds another: the common case, quick."""
    if not all(type(value) is str and is_plain(value) for value in values):
        return False
    prompt, first, second = values
    return not (first.startswith(prompt.rstrip()) and second.startswith(prompt.rstrip()))


def _part(part: Part, read: Callable[[*Ts], T], *args: *Ts) -> T:
    """What a function reads of one value of a row; an error says of which."""
    try:
        return read(*args)
    except (MessageError, Unusable) as error:
        error.part = part
        raise


def _both(first: Any, second: Any, roles: Mapping[str, Role]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    return _part("first", read_messages, first, roles), _part("second", read_messages, second, roles)


def _given(value: Any) -> Any:
    """A value that is not empty, messages stored as text decoded."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise Unusable("empty")
    return decoded(value)


def _split_messages(first: Sequence[Message], second: Sequence[Message]) -> tuple[Turns, Turns, Turns]:
    count = count_shared(first, second)
    return Turns.prompt(first[:count]), Turns.completion(first[count:]), Turns.completion(second[count:])


def _both_spoken(first: str, second: str, roles: Mapping[str, Role]) -> tuple[Spoken, Spoken] | None:
    if not (may_be_special(first) and may_be_special(second)):
        return None
    spoken = read_transcript(first, roles), read_transcript(second, roles)
    return None if spoken[0] is None or spoken[1] is None else (spoken[0], spoken[1])


def _split_spoken(first: Spoken, second: Spoken) -> tuple[Turns, Turns, Turns]:
    count = count_shared(first.messages, second.messages)
    one, other = _part("first", first.completion, count), _part("second", second.completion, count)
    return first.prompt(count), one, other


def _repeats_prompt(messages: Sequence[Message]) -> bool:
    """Whether messages begin with the prompt, rather than with the assistant's answer to it."""
    before = takewhile(lambda message: message.role != "assistant", messages)
    return any(message.role in ("system", "user") for message in before)


def _answered(prompt: Turns, first: Any, second: Any, roles: Mapping[str, Role]) -> tuple[Turns, Turns, Turns]:
    one = _part("first", _completion, prompt, first, roles)
    return prompt, one, _part("second", _completion, prompt, second, roles)


def _completion(prompt: Turns, value: Any, roles: Mapping[str, Role]) -> Turns:
    if isinstance(value, str):
        going_on = go_on(prompt.plain, value, roles) if prompt.messages is not None else None
        return going_on or read_completion(value, roles)
    return _answer(prompt, read_messages(value, roles))


def _answer(prompt: Turns, messages: Sequence[Message]) -> Turns:
    if messages[0].role == "assistant" or not _repeats_prompt(messages):
        return Turns.completion(messages)
    rest = rest_after(prompt.as_prompt(), messages)
    if rest is None:
        expected = "an answer that begins with the assistant, or with the prompt of its row"
        raise MessageError("", expected, messages[0].content)
    if not rest:
        raise Unusable("empty")
    return Turns.completion(rest)


def _reconcile_texts(
    prompt: Turns, first: str, second: str, roles: Mapping[str, Role]
) -> tuple[Turns, Turns, Turns]:
    one, other = _without(prompt.plain, first), _without(prompt.plain, second)
    if one is not None and other is not None and _repeat(prompt, one, other):
        return _answered(prompt, one.strip(), other.strip(), roles)
    if (
        prompt.messages is None
        and may_be_special(prompt.plain)
        and (turns := _headed(prompt, first, second, roles))
    ):
        return turns
    spoken = _both_spoken(first, second, roles)
    if spoken is not None and (turns := _joined_spoken(prompt, *spoken)) is not None:
        return turns
    return _answered(prompt, first, second, roles)


def _headed(
    prompt: Turns, first: str, second: str, roles: Mapping[str, Role]
) -> tuple[Turns, Turns, Turns] | None:
    """A prompt that begins with a user's heading, and answers that begin with the assistant's; else None."""
    asked = prompt.plain.strip()
    spoken = _both_spoken(f"{asked}\n\n{first.strip()}", f"{asked}\n\n{second.strip()}", roles)
    if spoken is None:
        return None
    bodies = [next((k for k, body in enumerate(one.bodies) if body > len(asked)), 0) for one in spoken]
    count = bodies[0]
    if not count or bodies[1] != count or any(one.messages[count].role != "assistant" for one in spoken):
        return None
    one, other = _part("first", spoken[0].completion, count), _part("second", spoken[1].completion, count)
    return Turns(prompt.plain, spoken[0].messages[:count]), one, other


def _joined_spoken(prompt: Turns, first: Spoken, second: Spoken) -> tuple[Turns, Turns, Turns] | None:
    """Whole transcripts beside a prompt; None where headings in words are likely part of an answer.

    Raises:
        MessageError: chat templates' tokens mark another prompt than the row's.
    """
    try:
        shared, one, other = _split_spoken(first, second)
        merged = merge_prompts(prompt.as_prompt(), shared.as_prompt())
    except (Unusable, MessageError):
        if first.dialect.is_words or second.dialect.is_words:
            return None
        raise
    return (shared if merged == shared.as_prompt() else Turns.prompt(merged)), one, other


def _without(prompt: str, text: str) -> str | None:
    """What a text says after a prompt that it begins with, else None."""
    prompt, text = prompt.strip(), text.strip()
    return text[len(prompt) :] if text.startswith(prompt) else None


def _repeat(prompt: Turns, first: str, second: str) -> bool:
    """Whether texts that begin with the prompt repeat it, by what comes after it and how long it is."""
    if prompt.messages is not None:
        return True
    ends = prompt.plain.rstrip().endswith((":", "：", "？", "。", "！"))
    apart = all(not rest or rest[0].isspace() or ends for rest in (first, second))
    lines = all(not rest or rest.startswith(("\n", "\r\n")) for rest in (first, second))
    return lines or (apart and count_words(prompt.plain) >= _FEWEST_WORDS)


def _reconcile_messages(
    prompt: Turns, first: Sequence[Message], second: Sequence[Message]
) -> tuple[Turns, Turns, Turns]:
    asked = prompt.as_prompt()
    try:
        count = count_shared(first, second)
    except Unusable:
        # The answers part where a user speaks, but the row says where its prompt ends.
        rests = rest_after(asked, first), rest_after(asked, second)
        if not (rests[0] and rests[1] and rests[0][0].role == rests[1][0].role == "assistant"):
            raise
        return Turns.prompt(asked), Turns.completion(rests[0]), Turns.completion(rests[1])
    merged = merge_prompts(asked, first[:count])
    return Turns.prompt(merged), Turns.completion(first[count:]), Turns.completion(second[count:])
