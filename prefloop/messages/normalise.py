"""Values that hold a conversation, in whichever dialect, as messages and turns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from prefloop.messages.contents import Said, canonical, read_calls, read_content, spoken_call
from prefloop.messages.dialects import is_plain
from prefloop.messages.errors import MessageError, Unusable
from prefloop.messages.message import Message, Role, Turns
from prefloop.messages.roles import CALLING, ROLES, role_of, spelled
from prefloop.messages.stored import decode
from prefloop.messages.transcripts import may_be_special, read_transcript, spoken_by_assistant

__all__ = ["MessageError", "Unusable", "decoded", "read_completion", "read_messages", "read_prompt"]

_LISTS = ("messages", "conversations", "conversation", "turns")
_NAMED = ("role", "from", "speaker", "author", "sender")
_SAID = ("content", "value", "text", "message", "parts", "refusal")
# Roles that may be the key of a one-message object, {"user": "..."}: words that hardly mean anything else.
_KEYS = frozenset({"system", "user", "human", "assistant", "gpt", "bot", "chatbot", "tool"})


def read_prompt(value: Any, roles: Mapping[str, Role]) -> Turns:
    """Read a prompt: a text, a transcript, or messages.

    Raises:
        MessageError: not understood.
        Unusable: empty, or more than text.
    """
    if type(value) is str and is_plain(value):
        return Turns(value)
    value = _not_empty(value)
    if not isinstance(value, str):
        return Turns.prompt(read_messages(value, roles))
    spoken = read_transcript(value, roles) if may_be_special(value) else None
    return Turns(value, spoken.as_prompt()) if spoken is not None and spoken.asks else Turns(value)


def read_completion(value: Any, roles: Mapping[str, Role]) -> Turns:
    """Read a completion that does not repeat the prompt: a text, or messages.

    Raises:
        MessageError: not understood.
        Unusable: empty, or more than text.
    """
    if type(value) is str and is_plain(value):
        return Turns(value)
    value = _not_empty(value)
    if not isinstance(value, str):
        return Turns.completion(read_messages(value, roles))
    return (spoken_by_assistant(value, roles) if may_be_special(value) else None) or Turns(value)


def _not_empty(value: Any) -> Any:
    """A value with messages stored as text decoded; an empty text is of no use."""
    value = decoded(value)
    if isinstance(value, str) and (not value or value.isspace()):
        raise Unusable("empty")
    return value


def decoded(value: Any) -> Any:
    """A value as it is, messages stored as text decoded.

    Raises:
        MessageError: it looks like messages stored as text and cannot be decoded.
    """
    if isinstance(value, str) and not is_plain(value) and (inner := decode(value)) is not None:
        return inner
    return value


def read_messages(value: Any, roles: Mapping[str, Role]) -> tuple[Message, ...]:
    """Read a conversation: a list of messages, one message, or an object that holds a list.

    An empty system message is none. Ids, times, names and whatever else a message carries are dropped.

    Raises:
        MessageError: not understood, or an empty message before the last.
        Unusable: the last message is empty, or one is more than text.
    """
    value = decoded(value)
    if value is None:
        raise Unusable("empty")
    if isinstance(value, Mapping):
        value = _of_object(value)
    if not isinstance(value, list | tuple):
        raise MessageError("", "a text, or messages: a list of objects with role and content", value)
    if not value:
        raise Unusable("empty")
    read: list[Message] = []
    for place, item in enumerate(value):
        plain = _plain(item) if not roles else None
        if plain is not None:
            read.append(plain)
        else:
            read.extend(_several(item, roles, f"[{place}]", place == len(value) - 1))
    if not read:
        raise Unusable("empty")
    return tuple(read)


def _plain(item: Any) -> Message | None:
    """The quick way of a message that has a well-known role, a text, and nothing more."""
    if type(item) is not dict or len(item) != 2:
        return None
    if "role" in item:
        name, content = item["role"], item.get("content")
    else:
        name, content = item.get("from"), item.get("value")
    role = ROLES.get(name) if type(name) is str else None
    if (
        role is None
        or type(content) is not str
        or not content
        or content.isspace()
        or content[0] == "["
        or name in CALLING
    ):
        return None
    return Message(role, content)


def _of_object(value: Mapping[str, Any]) -> Sequence[Any]:
    """The messages of an object: those of its list (a system prompt beside it first), or itself."""
    for key in _LISTS:
        if isinstance(value.get(key), list | tuple):
            system = value.get("system")
            before = [{"role": "system", "content": system}] if isinstance(system, str) else []
            return [*before, *value[key]]
    return [value]


def _several(item: Any, roles: Mapping[str, Role], where: str, is_last: bool) -> list[Message]:
    """The messages of one item, in order: results of tools are messages of their own."""
    item = decoded(item)
    if not isinstance(item, Mapping):
        raise MessageError(where, "a message: an object with role and content (texts alone say no role)", item)
    given = {key: kept for key, kept in item.items() if kept is not None}
    name_key = next((key for key in _NAMED if key in given), None)
    if name_key is None and "content" in given and str(given.get("type")).casefold() in _KEYS | {"ai", "function"}:
        name_key = "type"
    if name_key is None:
        return _keyed(given, item, where, is_last)
    name = given[name_key]
    name = name.get("role") if isinstance(name, Mapping) else name
    role = role_of(name, roles, f"{where}.{name_key}")
    key = next((key for key in _SAID if key in given), "content")
    if key not in given and "content" not in item and not _has_calls(given):
        raise MessageError(where, "a message with content", item)
    content = given.get(key)
    if role == "tool" and isinstance(content, str):
        # What a tool says stays as it is, an object as its JSON text.
        said = Said(content)
    elif role == "tool" and isinstance(content, Mapping) and not {"parts", "type", "text"} & {*content}:
        said = Said(canonical(content))
    else:
        said = read_content(content, f"{where}.{key}")
    calls = said.calls + _beside(given, where)
    if spelled(str(name)) in CALLING and (spoken := spoken_call(said.text)):
        said, calls = Said(""), spoken
    return _made(role, said, calls, f"{where}.{key}", is_last)


def _made(role: Role, said: Said, calls: Sequence[Any], where: str, is_last: bool) -> list[Message]:
    results = [Message("tool", result) for result in said.results]
    if said.text.strip() or calls or role == "tool":
        return results if results and role == "tool" else [*results, Message(role, said.text, tuple(calls))]
    if results or role == "system":
        return results
    if is_last:
        raise Unusable("empty", where)
    raise MessageError(where, "a text that is not empty", said.text)


def _has_calls(given: Mapping[str, Any]) -> bool:
    return bool(given.get("tool_calls") or given.get("function_call"))


def _beside(given: Mapping[str, Any], where: str) -> tuple[Any, ...]:
    """Tool calls that stand beside the content."""
    calls = read_calls(given.get("tool_calls"), f"{where}.tool_calls") if given.get("tool_calls") else ()
    legacy = given.get("function_call")
    return calls + (read_calls(legacy, f"{where}.function_call") if legacy and not calls else ())


def _keyed(given: Mapping[str, Any], item: Any, where: str, is_last: bool) -> list[Message]:
    """An object whose keys are roles: one message, or a question and its answer."""
    names = {spelled(key): key for key in given if isinstance(key, str)}
    turns = sorted(((ROLES[name], key) for name, key in names.items() if name in _KEYS), key=_first_the_user)
    asked = [role for role, _ in turns]
    certain = len(given) == len(turns) and (len(asked) == 1 or asked == ["user", "assistant"])
    if not certain or not all(isinstance(given[key], str) for _, key in turns):
        raise MessageError(where, "a message with a role (role, from, speaker, author) and content", item)
    return [
        message for role, key in turns for message in _made(role, Said(given[key]), (), f"{where}.{key}", is_last)
    ]


def _first_the_user(turn: tuple[Role, str]) -> bool:
    return turn[0] == "assistant"
