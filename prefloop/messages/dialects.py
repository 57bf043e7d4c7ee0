"""Markers of turns in transcripts: chat templates' tokens, and headings in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of transcript marks its turns.

    Attributes:
        begins: what its text begins with.
        marker: the beginning of a turn; the group `role` is the name of who speaks.
        closes: what ends a turn and is no content, None if nothing does.
        is_words: whether people could have written the markers themselves, so that more is asked of a transcript.
    """

    begins: re.Pattern[str]
    marker: re.Pattern[str]
    closes: re.Pattern[str] | None = None
    is_words: bool = False


# Tokens at which a text begins, before the first marker.
_BEFORE = r"\s*(?:<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>|<｜begin▁of▁sentence｜>|\[gMASK\]<sop>)?\s*"
# System prompts that stand before the first marker, as published with their templates.
_PREAMBLE = r"(?:A chat between|Below is an instruction)[^\n]{0,600}?(?:\n{1,2}|\s+)(?=###\s|USER:|Human:)"


def _tokens(marker: str, closes: str) -> Dialect:
    return Dialect(re.compile(_BEFORE + marker), re.compile(marker), re.compile(rf"(?:\s*(?:{closes}|<s>))+\s*\Z"))


def _headings(before: str, names: str, flags: int = 0, sign: str = "") -> Dialect:
    name = rf"{sign}(?P<role>{names})[ \t]*:"
    return Dialect(
        re.compile(rf"\s*(?:{_PREAMBLE})?{name}", flags),
        re.compile(rf"(?:\A\s*|{before}){name}", flags),
        re.compile(r"(?:\s*</s>)+\s*\Z"),
        is_words=True,
    )


_SPEAKERS = "System|Human|User|Prompter|Assistant|AI|Bot|Chatbot|GPT|Model"
_HASHED = "System|Human|User|Prompter|Instruction|Question|Assistant|Response|Output|Answer|Bot|AI"
_ROLE_TOKENS = "system|developer|user|human|prompter|customer|assistant|bot|gpt|model|tool|observation|function"

# Tried in this order; blank lines between turns go before single line ends.
DIALECTS: tuple[Dialect, ...] = (
    _tokens(r"<\|im_start\|>\s*(?P<role>[\w-]+)[ \t]*(?:\n|\Z|(?=<))", r"<\|im_end\|>|<\|endoftext\|>"),
    _tokens(
        r"<\|start_header_id\|>\s*(?P<role>[\w-]+)\s*<\|end_header_id\|>",
        r"<\|eot_id\|>|<\|eom_id\|>|<\|end_of_text\|>",
    ),
    _tokens(r"<\|header_start\|>\s*(?P<role>[\w-]+)\s*<\|header_end\|>", r"<\|eot\|>|<\|end_of_text\|>"),
    _tokens(r"<\|start_of_role\|>\s*(?P<role>[\w-]+)\s*<\|end_of_role\|>", r"<\|end_of_text\|>"),
    _tokens(r"<start_of_turn>\s*(?P<role>[\w-]+)[ \t]*(?:\n|\Z)", r"<end_of_turn>|<eos>"),
    _tokens(r"<｜(?P<role>User|Assistant|System)｜>", r"<｜end▁of▁sentence｜>"),
    _tokens(rf"<\|(?P<role>{_ROLE_TOKENS})\|>", r"</s>|<\|end\|>|<\|endoftext\|>|<\|eot\|>|<\|eos\|>"),
    _tokens(r"(?P<role>\[INST\]|\[/INST\])", r"</s>"),
    _headings(r"\s*", _HASHED, sign=r"###\s*"),
    _headings(r"\s+|</s>\s*", "SYSTEM|USER|HUMAN|ASSISTANT"),
    _headings(r"\r?\n[ \t]*\r?\n\s*", _SPEAKERS),
    _headings(r"\r?\n\s*", _SPEAKERS),
    _headings(r"\r?\n\s*", "system|human|user|assistant|bot|ai"),
)

# Whether a text could be a transcript at all: what every plain text is asked first.
SPECIAL = re.compile(
    _BEFORE + r"(?:<[|｜s]|\[/?INST\]|###\s*\w|A chat between|Below is an instruction"
    r"|(?i:system|human|user|prompter)[ \t]*:)"
)
