"""Messages stored as text: JSON, or what Python and numpy print of a list of dictionaries."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import orjson

from prefloop.messages.errors import MessageError

_ROLE_KEYS = ("role", "from", "speaker", "author", "sender")
_SAID_KEYS = ("content", "value", "text", "tool_calls", "function_call", "parts", "message")
_LONGEST = 1 << 24

# The beginning of a list of dictionaries or of one, and the two keys that a message has.
_BEGINNING = re.compile(r"""(?:(?:np\.)?array\()?\[?\s{0,99}\{\s{0,99}['"]""")
_ROLE = re.compile(rf"""['"](?:{"|".join(_ROLE_KEYS)})['"]\s*:""")
_SAID = re.compile(rf"""['"](?:{"|".join(_SAID_KEYS)})['"]\s*:""")
_FIRST = re.compile(rf"""{_BEGINNING.pattern}(?:{"|".join(_ROLE_KEYS + _SAID_KEYS)})['"]""")
_QUOTED = re.compile(r'"(?:\[\s{0,9})?\{\s{0,9}\\"')
_WITHOUT_COMMA = re.compile(r"\}[ \t]{0,9}\r?\n[ \t]{0,99}\{")


def decode(text: str) -> Any | None:
    """The messages that a text stores, None where it stores none.

    A text that merely begins like messages (an example, and words after it) stores none.

    Raises:
        MessageError: it looks like messages and cannot be decoded.
    """
    text = text.strip()
    if _QUOTED.match(text):
        inner = _json(text)
        return decode(inner) if isinstance(inner, str) else None
    if not _BEGINNING.match(text) or not _ROLE.search(text) or not _SAID.search(text):
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
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _printed(text: str) -> Any | None:
    """What Python's repr of lists and dictionaries says; numpy prints no commas between the items of an array."""
    if len(text) > _LONGEST:
        return None
    for written in (text, _WITHOUT_COMMA.sub("},{", text)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                value = ast.literal_eval(written.strip())
            # Refuses what no JSON has: half a character, other keys than texts.
            return orjson.loads(orjson.dumps(value))
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
    return None


def _are_messages(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return bool(items) and all(
        isinstance(item, Mapping) and any(k in item for k in _ROLE_KEYS) and any(k in item for k in _SAID_KEYS)
        for item in items
    )


def _goes_on_in_words(text: str) -> bool:
    try:
        end = json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return False
    rest = text[end:].lstrip()
    return bool(rest) and rest[0] not in "{[,]}"
