"""Markers of turns in transcripts: chat templates' tokens, and headings in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one kind of transcript marks its turns.

    Attributes:
        begins: what its text begins with, the first turn's name (group `role`) included.
        marker: the beginning of a further turn, its name likewise.
        closes: tokens that end a turn and are no content.
        is_words: whether people could have written the markers themselves, so that more is asked of a transcript.
    """

    begins: re.Pattern[str]
    marker: re.Pattern[str]
    closes: tuple[str, ...] = ()
    is_words: bool = False


# Tokens at which a text begins, before the first marker; white space is bounded, so that no text is slow to read.
_FIRST = r"<s>|<bos>|<\|begin_of_text\|>|<\|endoftext\|>|<｜begin▁of▁sentence｜>|\[gMASK\]<sop>"
_BEFORE = rf"(?:(?:{_FIRST})\s{{0,9}})?"
# System prompts that stand before the first marker, as published with their templates.
_PREAMBLE = r"(?:A chat between|Below is an instruction)[^\n]{0,600}?(?:\n{1,2}|\s)(?=###\s|USER:|Human:)"


def _tokens(marker: str, *closes: str) -> Dialect:
    return Dialect(re.compile(_BEFORE + marker), re.compile(marker), (*closes, "<s>"))


def _headings(
    before: str, names: str, sign: str = "", ends: str = "[:：]", closes: tuple[str, ...] = ()
) -> Dialect:
    name = rf"{sign}(?P<role>{names})[ \t]{{0,3}}{ends}"
    return Dialect(
        re.compile(rf"(?P<preamble>{_PREAMBLE})?{name}"),
        re.compile(before + name),
        ("</s>", "<|endoftext|>", "<|im_end|>", "<|eot_id|>", "<｜end▁of▁sentence｜>", *closes),
        is_words=True,
    )


_SPEAKERS = (
    "System|Human|User|Prompter|Assistant|AI|Bot|Chatbot|GPT|Model|系统|用户|人类|助手"
    "|ユーザー|アシスタント|사용자|어시스턴트"
)
# Names between signs, in the three usual cases.
_BOLD = "(?i:system|human|user|prompter|assistant|ai|bot|chatbot|gpt)"
_HASHED = "System|Human|User|Prompter|Instruction|Question|Assistant|Response|Output|Answer|Bot|AI"
_ROLE_TOKENS = (
    "(?i:system|developer|user|human|prompter|customer|assistant|bot|gpt|model|tool|observation|function)"
)

# Tried in this order; blank lines between turns go before single line ends.
DIALECTS: tuple[Dialect, ...] = (
    _tokens(r"<\|im_start\|>[ \t]?(?P<role>[\w-]+)[ \t]{0,9}(?:\n|\Z|(?=<))", "<|im_end|>", "<|endoftext|>"),
    _tokens(
        r"<\|start_header_id\|>[ \t]?(?P<role>[\w-]+)[ \t]?<\|end_header_id\|>",
        *("<|eot_id|>", "<|eom_id|>", "<|end_of_text|>"),
    ),
    _tokens(r"<\|header_start\|>[ \t]?(?P<role>[\w-]+)[ \t]?<\|header_end\|>", "<|eot|>", "<|end_of_text|>"),
    _tokens(r"<\|start_of_role\|>[ \t]?(?P<role>[\w-]+)[ \t]?<\|end_of_role\|>", "<|end_of_text|>"),
    _tokens(r"<start_of_turn>[ \t]?(?P<role>[\w-]+)[ \t]{0,9}(?:\n|\Z)", "<end_of_turn>", "<eos>"),
    _tokens(r"<｜(?P<role>User|Assistant|System)｜>", "<｜end▁of▁sentence｜>"),
    _tokens(
        rf"<\|(?P<role>{_ROLE_TOKENS})\|>:?",
        *("</s>", "<|end|>", "<|endoftext|>", "<|eot|>", "<|eos|>", "<|eot_id|>", "<eoh>", "<eoa>"),
    ),
    _tokens(
        r"(?:<\|START_OF_TURN_TOKEN\|>)?<\|(?P<role>USER|CHATBOT|SYSTEM)_TOKEN\|>",
        *("<|END_OF_TURN_TOKEN|>", "<|END_RESPONSE|>"),
    ),
    _tokens(r"(?:GPT4 Correct|GPT4|Code|Math Correct) (?P<role>User|Assistant):", "<|end_of_turn|>"),
    _tokens(r"(?P<role>\[INST\]|\[/INST\])", "</s>"),
    _headings("", _HASHED, sign=r"###\s?", ends=r"(?::|(?=\r?\n)|\Z)"),
    _headings(r"\n\s{0,9}", _BOLD, sign=r"##?\s?", ends=r"(?::|(?=\r?\n)|\Z)"),
    _headings(r"\n\s{0,9}", _BOLD, sign=r"\*\*", ends=r"(?:[:：]\*\*|\*\*[ \t]?[:：]|\*\*(?=\s*?\n)|\*\*\Z)"),
    _headings(r"\s", _BOLD, sign=r"\[", ends=r"\][ \t]?[:：]?"),
    _headings(
        r"\s{0,9}",
        _BOLD,
        sign="<",
        ends=r">[ \t]?[:：]?",
        closes=("</user>", "</human>", "</assistant>", "</bot>", "</system>", "</ai>", "</gpt>"),
    ),
    _headings(r"(?<=[\s>])", "SYSTEM|USER|HUMAN|ASSISTANT"),
    _headings(r"\n[ \t]{0,9}\r?\n\s{0,9}", _SPEAKERS),
    _headings(r"\n[ \t]{0,9}", _SPEAKERS),
    _headings(r"\n[ \t]{0,9}", "system|human|user|assistant|bot|ai"),
)

# Whether a text could be a transcript at all: what every plain text is asked first.
SPECIAL = re.compile(
    _BEFORE + r"(?:<[|｜s]|\[/?INST\]|###\s?\w|A chat between|Below is an instruction|GPT4 |Code User|Math Correct"
    r"|(?:##?\s?|\*\*|[\[<])(?i:system|human|user|prompter)\b"
    r"|(?i:system|human|user|prompter|系统|用户|人类|ユーザー|사용자)[ \t]{0,3}[:：])"
)

# The first two characters of such texts, and of messages stored as text: any other text is plain at a glance.
_LETTERS = tuple(
    spelling
    for word in ("sy", "hu", "us", "pr")
    for spelling in (word, word.capitalize(), word.upper(), word[0] + word[1].upper())
)
_PAIRS = frozenset({*_LETTERS, "A ", "Be", "GP", "Co", "Ma", "ar", "np", "系统", "用户", "人类", "ユー", "사용"})
_SIGNS = frozenset('<[({"#* \n\t\r\v\f\xa0\u2003\u3000\ufeff')


def is_plain(text: str) -> bool:
    """Whether a glance tells that a text is neither empty, nor a transcript, nor messages stored as text."""
    return bool(text) and text[:2] not in _PAIRS and text[0] not in _SIGNS and not text[0].isspace()
