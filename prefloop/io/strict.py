"""JSON read strictly: what two readers could take differently is an error that says what is wrong.

Refused are a key given twice in one object, lone surrogates, integers that no float can hold, and nesting
deeper than `DEPTH`. NaN and infinity, which are no JSON but common, come as floats: the check of the field
that holds one says more.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import orjson

DEPTH = 200
_DIGITS = 308
_COLON, _QUOTE, _BACKSLASH, _BLANK, _OPEN = 58, 34, 92, 32, 123


class StrictError(ValueError):
    """A value that cannot be used.

    Attributes:
        got: what came.
        expected: what was expected.
    """

    def __init__(self, got: object, expected: str) -> None:
        super().__init__(f"got {got!r:.80}, expected {expected}")
        self.got, self.expected = got, expected


def parse(text: bytes | str, expected: str = "JSON") -> Any:
    """One JSON value.

    Raises:
        StrictError: it is none, or one of those that are refused.
    """
    try:
        decoded = text.decode("utf-8") if isinstance(text, bytes) else text
    except UnicodeDecodeError as fault:
        raise StrictError(fault.object[fault.start : fault.start + 20].strip(), "text in UTF-8") from None
    try:
        value = json.loads(decoded, object_pairs_hook=_object, parse_int=_integer)
    except StrictError:
        raise
    except RecursionError:
        raise StrictError(decoded.strip()[:80], f"{expected}, nested at most {DEPTH} deep") from None
    except ValueError as error:
        raise StrictError(decoded.strip(), f"{expected} ({error})") from None
    return plain(value)


def plain(value: Any, depth: int = 0) -> Any:
    """A value in plain Python: dates as ISO text, decimals as numbers, bytes as text where they are text.

    Raises:
        StrictError: one of those that are refused.
    """
    if depth > DEPTH:
        raise StrictError("deeper values", f"values nested at most {DEPTH} deep")
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, Mapping):
        return {_text(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item, depth + 1) for item in value]
    return _other(value)


def is_plainly_strict(lines: list[bytes], values: list[Any]) -> bool:
    """Whether lines that orjson has read need no second look; a quick test that may say no without need.

    As many keys stand in the bytes as came out of them, so that none was given twice; and there are too few
    brackets to nest deeply, or they were followed.
    """
    joined = b"".join(lines)
    block = np.frombuffer(joined, dtype=np.uint8)
    written = _keys_written(block)
    # A colon spelt as an escape would be counted where the values are written again, and not where they were read.
    if _openings(block, lines) >= DEPTH or b"\\u003" in joined:
        return written == sum(_keys(value, 0) for value in values)
    if written == sum(map(len, values)):
        return True
    return written == _keys_written(np.frombuffer(orjson.dumps(values), dtype=np.uint8))


def _openings(block: np.ndarray, lines: list[bytes]) -> int:
    """The most brackets that one line opens, those in texts included."""
    at = np.flatnonzero((block | 32) == _OPEN)
    ends = np.searchsorted(at, np.cumsum([len(line) for line in lines]))
    return int(np.diff(ends, prepend=0).max(initial=0))


def _keys_written(block: np.ndarray) -> int:
    """How many keys stand in JSON text, at least: a colon behind a quote that is not escaped, or behind blanks."""
    at = np.flatnonzero(block == _COLON)
    at = at[at >= 3]
    one, two, three = block[at - 1], block[at - 2], block[at - 3]
    is_key = (one == _QUOTE) & ~((two == _BACKSLASH) & (three != _BACKSLASH))
    is_apart = (one <= _BLANK) & ((two == _QUOTE) | (two <= _BLANK))
    return int(np.count_nonzero(is_key | is_apart))


def _keys(value: Any, depth: int) -> float:
    """How many keys a value has, with those inside; infinitely many where it is nested too deeply."""
    if depth > DEPTH:
        return float("inf")
    items: Iterable[Any] = value.values() if type(value) is dict else value
    inside = sum(_keys(item, depth + 1) for item in items if type(item) is dict or type(item) is list)
    return inside + len(value) if type(value) is dict else inside


def loads_all(lines: list[bytes]) -> list[dict[str, Any]] | None:
    """The objects of several lines, or None where a line needs a closer look (`parse`)."""
    try:
        values = list(map(orjson.loads, lines))
    except orjson.JSONDecodeError:
        return None
    is_good = set(map(type, values)) <= {dict} and is_plainly_strict(lines, values)
    return values if is_good else None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) != len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in values if names.count(name) > 1)
        raise StrictError(f"the key {repeated!r} twice", "each key once in an object")
    return values


def _integer(digits: str) -> int:
    if len(digits) > _DIGITS:
        raise StrictError(f"{digits[:20]}… ({len(digits)} digits)", "a number below 1e308")
    return int(digits)


def _text(value: str) -> str:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise StrictError(value, "text without lone surrogates") from None
    return value


def _other(value: Any) -> Any:
    if isinstance(value, int):
        return _integer(str(value)) if abs(value) < 10**400 else _integer("1" * 401)
    if isinstance(value, Decimal):
        return int(value) if value.is_finite() and value == value.to_integral_value() else float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, bytes | bytearray | memoryview):
        try:
            return bytes(value).decode("utf-8")
        except UnicodeDecodeError:
            return bytes(value)
    raise StrictError(type(value).__name__, "a text, number, truth value, list or object")
