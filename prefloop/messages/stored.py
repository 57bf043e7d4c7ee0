"""Messages stored as text: JSON, or what Python and numpy print of a list of dictionaries."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import orjson

from prefloop.io.strict import StrictError, is_plainly_strict, parse
from prefloop.messages.errors import MessageError

_ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
_SAID_KEYS = ("content", "value", "text", "tool_calls", "function_call", "parts", "message")
_LIST_KEYS = ("messages", "conversations", "conversation", "turns")
_KEY_ROLES = ("system", "user", "human", "assistant", "gpt")
_LONGEST = 1 << 24

# The beginning of a list of dictionaries or of one, and the two keys that a message has.
_BEGINNING = re.compile(r"""(?:(?:np\.)?array\()?[\[(]?\s{0,99}\{\s{0,99}['"]""")
_ROLE = re.compile(rf"""['"](?:{"|".join(_ROLE_KEYS)})['"]\s*:""")
_SAID = re.compile(rf"""['"](?:{"|".join(_SAID_KEYS)})['"]\s*:""")
_FIRST = re.compile(rf"""{_BEGINNING.pattern}(?:{"|".join(_ROLE_KEYS + _SAID_KEYS)})['"]""")
# A list of objects whose one key is a role.
_KEYED = re.compile(rf"""\[\s{{0,99}}\{{\s{{0,99}}['"](?:{"|".join(_KEY_ROLES)})['"]\s{{0,9}}:\s{{0,9}}['"]""")
_QUOTED = re.compile(r'"(?:\[\s{0,9})?\{\s{0,9}\\"')
_ARRAY = re.compile(r"\A(?:np\.)?array\(|(?:,\s{0,99}dtype=object)?\)\Z")
# Messages escaped once more than they are read, or as Python prints objects of libraries.
_CODED = re.compile(
    r"""\[?\{\\"(?:role|from|content|value)\\"|\[?\w{0,40}Message(?:Chunk)?\((?:role|content|additional_kwargs)="""
)
_WITHOUT_COMMA = re.compile(r"\}[ \t]{0,9}\r?\n[ \t]{0,99}\{")


def decode(text: str) -> Any | None:
    """The messages that a text stores, None where it stores none.

    A text that merely begins like messages (an example, and words after it) stores none.

    Raises:
        MessageError: it looks like messages and cannot be decoded.
    """
    text = text.strip()
    if text.startswith(("array(", "np.array(")):
        text = _ARRAY.sub("", text)
    if _CODED.match(text):
        raise MessageError("", "a text, or messages; it looks like messages that are stored as escaped text", text)
    if _QUOTED.match(text):
        inner = _json(text)
        return decode(inner) if isinstance(inner, str) else None
    if not _KEYED.match(text) and not (_BEGINNING.match(text) and _ROLE.search(text) and _SAID.search(text)):
        return None
    value = _json(text)
    if value is None:
        value = _printed(text)
    if value is not None:
        return value if _are_messages(value) else None
    if not _FIRST.match(text) or _goes_on_in_words(text):
        return None
    raise MessageError("", "a text, or messages; it looks like messages stored as text, but is not whole", text)


def _json(text: str) -> Any | None:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        # NaN, Infinity and what else Python writes into JSON.
        if "NaN" not in text and "Infinity" not in text:
            return None
        return _strict(text)
    objects = value if isinstance(value, list) else [value]
    is_strict = set(map(type, objects)) == {dict} and is_plainly_strict([text.encode()], objects)
    return value if is_strict else _strict(text)


def _strict(text: str) -> Any | None:
    try:
        return parse(text)
    except StrictError as error:
        if error.expected.startswith("JSON"):  # none at all, or nested too deeply
            return None
        raise MessageError("", f"messages stored as text, with {error.expected}", error.got) from None


def _printed(text: str) -> Any | None:
    """What Python's repr of lists and dictionaries says; numpy prints no commas between the items of an array."""
    if len(text) > _LONGEST:
        return None
    for written in (text, _WITHOUT_COMMA.sub("},{", text)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = ast.literal_eval(written.strip())
            value = list(value) if isinstance(value, tuple) else value
            # Refuses what no JSON has: half a character, other keys than texts.
            return orjson.loads(orjson.dumps(value))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return None


def _are_messages(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _is_message(value) or any(_are_messages(value.get(key) or None) for key in _LIST_KEYS)
    return isinstance(value, list) and bool(value) and all(_is_message(item) for item in value)


def _is_message(item: Any) -> bool:
    if not isinstance(item, Mapping):
        return False
    is_named = any(key in item for key in _ROLE_KEYS) and any(key in item for key in _SAID_KEYS)
    return is_named or (0 < len(item) <= len(_KEY_ROLES) and all(key in _KEY_ROLES for key in item))


def _goes_on_in_words(text: str) -> bool:
    try:
        end = json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return False
    rest = text[end:].lstrip()
    return bool(rest) and rest[0] not in "{[,]}"
