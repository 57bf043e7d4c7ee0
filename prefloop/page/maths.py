r"""Formulas in texts: `$...$`, `$$...$$`, `\(...\)` and `\[...\]` as MathML, which browsers set by themselves."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from xml.etree.ElementTree import Element, tostring

from latex2mathml.converter import Converter
from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from mdit_py_plugins.dollarmath.index import math_inline_dollar

LONGEST = 2_000
_MOST_LINES = 50
_CLOSING = {"$$": "$$", r"\[": r"\]"}
# Definitions can grow beyond all bounds; addresses, colours and raw markup are nothing that a formula needs.
_REFUSED = re.compile(r"\\(?:(?:re|provide)?newcommand|def|let|href|url|html\w*|class|style|require)\b")
_DEEPEST = 60
# How many parts an element has, where that is fixed; the first is what stands on the line.
_PARTS = {"msub": 2, "msup": 2, "munder": 2, "mover": 2, "msubsup": 3, "munderover": 3}
_ENTITY = re.compile(r"&#x([0-9A-Fa-f]{1,6});")


def maths_plugin(md: MarkdownIt) -> None:
    """Let a parser take formulas out of texts, before anything in them is taken for Markdown."""
    md.inline.ruler.before("escape", "math_inline", math_inline_dollar(False, False, True))
    md.inline.ruler.before("escape", "math_bracket", _bracket)
    md.block.ruler.before("fence", "math_block", _block, {"alt": ["paragraph", "reference", "blockquote", "list"]})


def formula(source: str, written: str, display: bool) -> str:
    """HTML of a formula; as it was written where it cannot be set.

    Args:
        source: LaTeX without the signs around it.
        written: with them.
        display: on a line of its own.
    """
    return _mathml(source, display) or f'<span class="formula" dir="ltr">{escape(written)}</span>'


@lru_cache(maxsize=1024)
def _mathml(source: str, display: bool) -> str | None:
    if len(source) > LONGEST or source.count("{") > LONGEST // 4 or _depth(source) > _DEEPEST:
        return None
    if _REFUSED.search(source):
        return None
    try:
        tree = Converter(display="block" if display else "inline").convert_to_element(source)
    except Exception:  # the library raises whatever a formula that it does not know makes go wrong
        return None
    for element in list(tree.iter()):
        _decode(element)
        _group(element)
    return tostring(tree, encoding="unicode")


def _depth(source: str) -> int:
    """How deeply groups are nested at least."""
    depth = deepest = 0
    for sign in source:
        depth += (sign == "{") - (sign == "}")
        deepest = max(deepest, depth)
    return deepest


def _decode(element: Element) -> None:
    # The library writes signs as references into texts; its own way back would let `&lt;` become a tag.
    element.text = _ENTITY.sub(_sign, element.text) if element.text else element.text


def _group(element: Element) -> None:
    # Of a matrix in brackets with an exponent the library makes a power with four parts, where two are expected.
    extra = len(element) - _PARTS.get(element.tag, len(element))
    if extra > 0:
        base, scripts = list(element)[: extra + 1], list(element)[extra + 1 :]
        element[:] = [_row_of(base), *scripts]


def _row_of(elements: list[Element]) -> Element:
    row = Element("mrow")
    row.extend(elements)
    return row


def _sign(found: re.Match[str]) -> str:
    code = int(found[1], 16)
    return chr(code) if 0x20 <= code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF else ""


def _bracket(state: StateInline, silent: bool) -> bool:
    opening = state.src[state.pos : state.pos + 2]
    if opening not in (r"\(", r"\["):
        return False
    closing = r"\)" if opening == r"\(" else r"\]"
    end = state.src.find(closing, state.pos + 2, state.pos + 2 + LONGEST)
    if end < 0 or not state.src[state.pos + 2 : end].strip():
        return False
    if not silent:
        token = state.push("math_inline" if opening == r"\(" else "math_inline_double", "math", 0)
        token.content, token.markup = state.src[state.pos + 2 : end], opening
    state.pos = end + 2
    return True


def _block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula that begins a line and ends one, some lines later at most, or time grows without bound."""
    if state.is_code_block(start):
        return False
    begin = state.bMarks[start] + state.tShift[start]
    closing = _CLOSING.get(state.src[begin : begin + 2])
    if closing is None:
        return False
    lines = []
    for line in range(start, min(end, start + _MOST_LINES)):
        if line > start and state.sCount[line] < state.blkIndent:
            return False
        inside = begin + 2 if line == start else state.bMarks[line] + state.tShift[line]
        text = state.src[inside : state.eMarks[line]]
        if text.rstrip().endswith(closing):
            lines.append(text.rstrip().removesuffix(closing))
            return _pushed(state, start, line + 1, "\n".join(lines), silent)
        if closing in text:
            return False
        lines.append(text)
    return False


def _pushed(state: StateBlock, start: int, after: int, content: str, silent: bool) -> bool:
    if not content.strip():
        return False
    if not silent:
        token = state.push("math_block", "math", 0)
        token.content, token.block, token.map = content, True, [start, after]
        token.markup = state.src[state.bMarks[start] + state.tShift[start] :][:2]
        state.line = after
    return True
