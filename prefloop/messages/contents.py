"""What one message says: texts, lists of parts, and tool calls in the dialects of several programs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from prefloop.io.strict import parse
from prefloop.messages.errors import MessageError, Reason, Unusable
from prefloop.messages.message import Call

_TEXTS = ("text", "input_text", "output_text", "refusal")
_OTHER: tuple[tuple[str, Reason], ...] = (
    ("image", "image"),
    ("audio", "audio"),
    ("sound", "audio"),
    ("video", "video"),
    ("file", "file"),
    ("document", "file"),
    ("pdf", "file"),
    ("img", "image"),
    ("picture", "image"),
    ("photo", "image"),
)
# Texts that store a list of parts of a known type.
_STORED = re.compile(r"""\[\s{0,99}\{\s{0,99}"(?:type|text)"\s{0,9}:""")
_ARGUMENTS = ("arguments", "args", "input", "parameters")


@dataclass(frozen=True, slots=True)
class Said:
    """Content of one message.

    Attributes:
        text: parts joined as chat templates join them, with nothing between.
        calls: tools that it calls.
        results: what tools answered, each a message of the tool's own, before the text.
    """

    text: str
    calls: tuple[Call, ...] = ()
    results: tuple[str, ...] = ()


def read_content(content: Any, where: str) -> Said:
    """Read a text, nothing, a part, or a list of parts.

    Raises:
        MessageError: a part of no known type.
        Unusable: a part that is an image, a sound, a video or a file.
    """
    if isinstance(content, str):
        content = _stored_parts(content)
    if isinstance(content, str):
        return Said(content)
    if content is None:
        return Said("")
    if isinstance(content, Mapping):
        content = content["parts"] if isinstance(content.get("parts"), list | tuple) else [content]
    if not isinstance(content, list | tuple):
        raise MessageError(where, "a text, or a list of parts", content)
    read = [_part(part, f"{where}[{k}]") for k, part in enumerate(content) if part is not None]
    return Said(
        "".join(said.text for said in read),
        tuple(call for said in read for call in said.calls),
        tuple(result for said in read for result in said.results),
    )


def read_calls(value: Any, where: str) -> tuple[Call, ...]:
    """Read tool calls: one or several, as objects or as JSON text of them.

    Raises:
        MessageError: a call without a name.
    """
    if isinstance(value, str):
        value = _loaded(value)
    if value is None:
        return ()
    calls = value if isinstance(value, list | tuple) else [value]
    return tuple(_call(call, f"{where}[{k}]") for k, call in enumerate(calls) if call is not None)


def spoken_call(text: str) -> tuple[Call, ...] | None:
    """The calls that a ShareGPT message of the role function_call makes, None where its text is no call."""
    try:
        return read_calls(text, "") or None
    except MessageError:
        return None


def canonical(arguments: Any) -> str:
    """Arguments as JSON with sorted keys; a text that is no JSON, or gives a key twice, stays as it came."""
    if arguments is None:
        return "{}"
    given = arguments if isinstance(arguments, str) else None
    try:
        if given is not None:
            arguments = parse(given) if given.strip() else {}
        text = json.dumps(arguments, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        text.encode()
    except (ValueError, TypeError, RecursionError):
        return given if given is not None else repr(arguments)
    return text


def _part(part: Any, where: str) -> Said:
    if isinstance(part, str):
        return Said(part)
    if not isinstance(part, Mapping):
        raise MessageError(where, "a part: a text, or an object with type and text", part)
    if isinstance(part.get("functionCall"), Mapping):
        return Said("", (_call(part["functionCall"], where),))
    if isinstance(part.get("functionResponse"), Mapping):
        return Said("", (), (canonical(part["functionResponse"].get("response")),))
    kind = str(part.get("type") or part.get("content_type") or _kind_of(part)).casefold()
    if kind in ("tool_use", "tool_call", "function_call"):
        return Said("", (_call(part.get(kind) or part, where),))
    if kind in ("tool_result", "tool_response"):
        result = read_content(part.get("content", part.get("output")), f"{where}.content")
        return Said("", (), (result.text,))
    for name, reason in _OTHER:
        if name in kind:
            raise Unusable(reason, where)
    text = part.get("text", part.get("refusal") if kind == "refusal" else part.get("value"))
    if isinstance(text, Mapping):
        text = text.get("value")
    if kind not in _TEXTS or not isinstance(text, str):
        raise MessageError(where, f"a part of the type {', '.join(_TEXTS)}, tool_use or tool_result", part)
    return Said(text)


def _stored_parts(text: str) -> Any:
    """The parts that a text stores as JSON, else the text."""
    if not _STORED.match(text):
        return text
    parts = _loaded(text)
    are_parts = isinstance(parts, list) and all(
        isinstance(part, Mapping) and isinstance(part.get("type"), str) and {*part} & {"text", *_media_keys(part)}
        for part in parts
    )
    return parts if are_parts else text


def _kind_of(part: Mapping[str, Any]) -> str:
    """The type of a part that does not say it: that of what it holds besides text."""
    inline: Mapping[str, Any] = next(
        (part[key] for key in ("inlineData", "inline_data") if isinstance(part.get(key), Mapping)), {}
    )
    mime = inline.get("mimeType") or inline.get("mime_type") or ("file" if inline else None)
    if mime is None and part.get("text") is None:
        mime = next(_media_keys(part), None)
    return str(mime or "text")


def _media_keys(part: Mapping[str, Any]) -> Iterator[str]:
    return (str(key) for key, value in part.items() if value and any(name in str(key) for name, _ in _OTHER))


def _call(call: Any, where: str) -> Call:
    inner = (call.get("function") or call.get("custom")) if isinstance(call, Mapping) else None
    source = inner if isinstance(inner, Mapping) else call
    name = source.get("name") if isinstance(source, Mapping) else None
    if not isinstance(name, str) or not name.strip():
        raise MessageError(where, "a tool call: an object with name and arguments", call)
    given = next((source[key] for key in _ARGUMENTS if source.get(key) is not None), None)
    return Call(name, canonical(given))


def _loaded(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
