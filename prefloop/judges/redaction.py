"""Redaction of what a service says: one line, no control characters, and never the key, which is read here."""

from __future__ import annotations

import os
import re
import unicodedata
from base64 import b64encode
from urllib.parse import quote

from prefloop.errors import ConfigError
from prefloop.judges.kinds import Endpoint

HIDDEN = "(the key)"
_RUN = 8  # letters and digits of the key in a row that are never shown
_READ = 4096  # characters of a text that are looked at; more is never shown

_TERMINAL = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"  # titles, links
    r"|\x1b[ -/]*[0-~]"
)
# One character as it is, or as an address, JSON, Python or HTML would write it; an escaped line break is none.
_SYMBOL = re.compile(
    r"%(?:25){0,3}(?P<percent>[0-9a-f]{2})|\\{1,4}u(?P<unicode>[0-9a-f]{4})|\\{1,4}x(?P<byte>[0-9a-f]{2})"
    r"|&#x(?P<entity>[0-9a-f]{1,6});|&#(?P<decimal>[0-9]{1,7});|(?P<control>\\{1,4}[abfnrtv])|(?P<plain>.)",
    re.IGNORECASE | re.DOTALL,
)


class Secret:
    """A key that prints as `(the key)`, with what must not be seen of it.

    Attributes:
        value: the key itself, for the header alone.
    """

    def __init__(self, value: str) -> None:
        self.value = value
        letters = _letters(value)[0]
        self._runs = frozenset(
            form[start : start + _RUN] for form in _forms(value, letters) for start in range(len(form) - _RUN + 1)
        )
        written = (value, quote(value, safe=""), b64encode(value.encode()).decode(), value.encode().hex())
        # A key this short may be part of a word, and is hidden where it stands alone.
        alone = "|".join(re.escape(form) for form in written)
        self._short = re.compile(rf"(?<!\w)(?:{alone})(?!\w)") if len(letters) < _RUN else None

    def __repr__(self) -> str:
        return HIDDEN

    def hide(self, text: str) -> str:
        """The text without any eight letters and digits in a row of the key.

        What stands between them, their case and their spelling (percent, JSON, HTML) do not matter; the key
        backwards, in hexadecimal digits or in base64 is hidden too.
        """
        if self._short:
            return self._short.sub(HIDDEN, text)
        letters, begins, ends = _letters(text)
        parts, done = [], 0
        for start in range(len(letters) - _RUN + 1):
            if letters[start : start + _RUN] in self._runs:
                begin, end = begins[start], ends[start + _RUN - 1]
                if begin >= done:
                    parts += [text[done:begin], HIDDEN]
                done = end
        return "".join([*parts, text[done:]])


def shown(text: str, secret: Secret | None, limit: int = 300) -> str:
    """The one way out for a text: one line, nothing that steers a terminal or turns its direction, no key.

    Args:
        text: as it came.
        secret: the key to be hidden, if there is one.
        limit: characters that the result has at most.
    """
    plain = _TERMINAL.sub("", text[:_READ])
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())
    safe = secret.hide(line) if secret else line
    return safe if len(safe) <= limit else f"{safe[: limit - 1]}…"


def read_key(config: Endpoint) -> Secret | None:
    """The key from its environment variable, without white space around it; None where none is to be sent.

    Raises:
        ConfigError: it is not set, or can't stand in a header.
    """
    if config.key_variable is None:
        return None
    key = os.environ.get(config.key_variable, "").strip()
    if not key:
        raise ConfigError(
            f"the environment variable {config.key_variable} is not set, and {config.url} is to be asked with "
            f"the key in it: export {config.key_variable}=..., or set key_variable to null if no key is needed"
        )
    for place, letter in enumerate(key, start=1):
        if not (letter.isascii() and letter.isprintable()):
            kind = "is no plain ASCII character" if letter.isprintable() else "can't be printed"
            raise ConfigError(
                f"the key in the environment variable {config.key_variable} can't be sent: its character {place} "
                f"of {len(key)} {kind} (a line break, a quotation mark of a word processor?): copy the key again"
            )
    return Secret(key)


def _letters(text: str) -> tuple[str, list[int], list[int]]:
    """The letters and digits that a text spells, and where each begins and ends in it."""
    letters: list[str] = []
    begins: list[int] = []
    ends: list[int] = []
    for symbol in _SYMBOL.finditer(text):
        for letter in unicodedata.normalize("NFKC", _character(symbol)).casefold():
            if letter.isalnum():
                letters.append(letter)
                begins.append(symbol.start())
                ends.append(symbol.end())
    return "".join(letters), begins, ends


def _character(symbol: re.Match[str]) -> str:
    kind = symbol.lastgroup or "plain"
    if kind in ("plain", "control"):
        return symbol[0] if kind == "plain" else " "
    code = int(symbol[kind], 10 if kind == "decimal" else 16)
    return chr(code) if code < 0x110000 else " "


def _forms(value: str, letters: str) -> list[str]:
    """What the key looks like, letters and digits only: plain, backwards, in hexadecimal digits, in base64."""
    data = value.encode()
    forms = [letters, letters[::-1], data.hex()]
    for before in range(3):  # base64 of the key after so many other bytes: what depends on it alone
        coded = b64encode(bytes(before) + data).decode()
        whole = (before + len(data)) * 8 // 6
        forms.append(_letters(coded[(0, 2, 3)[before] : whole])[0])
    return forms
