"""Normal form of a prompt: what every spelling of the same question has in common."""

from __future__ import annotations

import re
import unicodedata

from prefloop.messages.message import Turns

# Characters that show nothing though Python counts some of them as printable: default ignorable code points (the
# Unicode standard, section 5.21) and all controls that are no white space.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)


def normal_form(text: str) -> str:
    """The text with white space collapsed, nothing invisible, in one Unicode form; case is left alone.

    Source: the Unicode standard, annex 15 (NFKC).
    """
    if not text.isascii():
        # What was between two characters may have kept them from being one.
        text = unicodedata.normalize("NFKC", _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))
    elif not text.isprintable():
        text = _INVISIBLE.sub("", text)
    return " ".join(text.split())


def question(prompt: Turns) -> str:
    """The normal form of what a prompt asks: of a transcript its messages, so that its markers say nothing."""
    plain = prompt.plain if prompt.messages is None else Turns.prompt(prompt.messages).plain
    return normal_form(plain)
