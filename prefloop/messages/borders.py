"""Plain texts that begin alike: where the prompt that they share ends."""

from __future__ import annotations

import json
import re

from prefloop.messages.errors import MessageError, Unusable

# What announces the answer: the prompt ends after it, wherever sentences end.
_LABEL = re.compile(
    r"(?:\A|(?<=[\s。！？：；?!។။]))(?:A|Answer|ANSWER|Response|RESPONSE|Assistant|ASSISTANT|Reply|TL;DR|Summary"
    r"|答案|回答|答|回复|答え|解答|アシスタント|답변|답|คำตอบ|ຄຳຕອບ|ចម្លើយ|အဖြေ)[ \t]*[:：៖]"
)
_TURN = "\n\nAssistant:"
_CLOSERS = "\"'”’)\\]»」』）】"
_WIDE = "⺀-鿿ぁ-ヿ가-힯豈-﫿ｦ-ﾟ"
# The end of a sentence or line: followed by white space, or by nothing in scripts without spaces.
_SENTENCE = re.compile(rf"[。！？：｡…]+[{_CLOSERS}]*|[.!?:؟।።][{_CLOSERS}]*(?:\s+|(?=[{_WIDE}]))|\n\s*")
_ENDS_SENTENCE = re.compile(rf"[.!?:؟।።。！？：｡…][{_CLOSERS}]*\Z")
_ASKS = re.compile(r"[?？؟]")
_WORD = re.compile(rf"[{_WIDE}]|\w*[^\W\d_]\w*")
# Letters of scripts without spaces: Thai, Lao, Burmese, Khmer beside the wide ones.
_UNSPACED = re.compile(rf"[{_WIDE}\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
_FEWEST_SIGNS = 3
_FEWEST_WORDS = 2
_QUOTED_FIRST = re.compile(r"""[\[{(]{1,9}\s{0,99}['"]""")
_PRINTED = re.compile(r"""[\[{(]{1,9}\s{0,99}(?P<quote>['"])[^'"\n]{0,200}(?P=quote)\s{0,9}[:,]""")
_STORED = (
    "texts, transcripts or messages (objects with role and content); it looks like data stored as text, of which"
    " it would be a guess what the prompt is: a column with the prompt"
)
_REMEDY = (
    "a column with the prompt, or chosen and rejected that begin with the same whole sentence or end it alike"
    " (what they share ends inside a sentence, so that the prompt would be a guess)"
)


def divide(first: str, second: str) -> tuple[str, str, str]:
    """Divide two texts into the prompt that they share and what each says after it.

    In this order: after the last shared label of an answer (`A:`); at the last shared border of a word, where a
    sentence or a line ends there; at the end of the last shared sentence, where what they share asks something or
    is written without spaces.

    Returns:
        Prompt and the two answers, without white space around them.

    Raises:
        MessageError: they share no beginning, or one that ends inside a sentence.
        Unusable: an answer is empty, or two equal texts tell no prompt from answer.
    """
    first, second = first.strip(), second.strip()
    if _looks_stored(first) and _looks_stored(second):
        raise MessageError("", _STORED, first)
    shared = _common(first, second)
    border = _labelled(first, shared) or _at_word(first, shared) or _at_sentence(first, shared)
    if not border:
        if first == second:
            raise Unusable("identical")
        raise MessageError("", _REMEDY, first)
    answers = first[border:].strip(), second[border:].strip()
    if not all(answers):
        raise Unusable("empty")
    return (first[:border].strip(), *answers)


def count_words(text: str) -> int:
    """Words of a text; of a script without spaces its signs."""
    return max(len(text.split()), len(_UNSPACED.findall(text)))


def has_several_words(text: str) -> bool:
    """Whether a text is more than a word, also where words have no spaces between them."""
    return len(text.split()) > 1 or len(_UNSPACED.findall(text)) >= _FEWEST_SIGNS


def _looks_stored(text: str) -> bool:
    """Whether a whole text is a JSON object or list, or Python's print of one."""
    if (text[:1], text[-1:]) not in (("{", "}"), ("[", "]"), ("(", ")")) or not _QUOTED_FIRST.match(text):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return _PRINTED.match(text) is not None
    return True


def _labelled(text: str, shared: int) -> int:
    """The border after the last shared label that has something before it, 0 if there is none."""
    turn = text.rfind(_TURN, 0, shared)
    ends = [m.end() for m in _LABEL.finditer(text, 0, shared) if text[: m.start()].strip()]
    return max(turn + len(_TURN) if turn >= 0 else 0, *ends, 0)


def _at_word(text: str, shared: int) -> int:
    """The last shared border of a word, 0 unless a sentence or line ends there."""
    border = shared
    while border and not text[border - 1].isspace():
        border -= 1
    prompt = text[:border].rstrip()
    ends = "\n" in text[len(prompt) : border] or _ENDS_SENTENCE.search(prompt[-8:]) is not None
    return border if ends and _says_something(prompt) else 0


def _at_sentence(text: str, shared: int) -> int:
    """The last shared end of a sentence, 0 where what is shared up to it may be the answers' own beginning."""
    borders = [m.end() for m in _SENTENCE.finditer(text, 0, shared) if m.end() <= shared]
    border = borders[-1] if borders else 0
    prompt = text[:border].rstrip()
    asks = _ASKS.search(prompt) is not None or prompt.endswith((":", "："))
    is_wide = re.match(rf"[{_WIDE}]", text[border : border + 1]) is not None
    return border if (asks or is_wide) and _says_something(prompt) else 0


def _says_something(prompt: str) -> bool:
    """Whether a beginning is more than a number of a list, or a word such as `Answer:`."""
    return len(_WORD.findall(prompt[:400])) >= _FEWEST_WORDS


def _common(first: str, second: str) -> int:
    """Length of the common beginning."""
    most = min(len(first), len(second))
    if first[:most] == second[:most]:
        return most
    low, high = 0, most
    while high - low > 1:
        middle = (low + high) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle
    return low
