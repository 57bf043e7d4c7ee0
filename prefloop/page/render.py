"""Texts of people and models as HTML that is safe to show.

A message is read as Markdown with tables, code and formulas. Raw HTML in it is text like any other, an image is a
text with its address, a link is one only to http, https and mailto. The time that a text takes is bounded,
whatever it holds.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from functools import lru_cache
from html import escape
from unicodedata import bidirectional

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

from prefloop.page.allowed import cleaned, is_address
from prefloop.page.code import highlighted
from prefloop.page.maths import formula, maths_plugin

# Longer texts are shown as they are.
LONGEST = 100_000
# What the parser of a text's inside may cost: signs that mean something times the length of their paragraph.
BUDGET = 20_000_000
_SIGNS = re.compile(r"[\[\]*_~`$<&!\\]")
# Seconds in which the code of a text is coloured; what is left then has no colours.
_COLOURING_S = 0.15
# Headings of texts stand below those of the page: title, prompt or answer.
_BELOW = 2
_LIFTED = {"text-align:left": "left", "text-align:right": "right", "text-align:center": "center"}
_BLOCKS = ("paragraph", "heading", "th", "td")
_AROUND = ("bullet_list", "ordered_list", "blockquote", "table")
# Signs at the beginning of a text in which its direction shows.
_LOOK = 200


@lru_cache(maxsize=256)
def markdown(text: str, below: int = _BELOW) -> str:
    """Safe HTML of a text.

    Args:
        text: Markdown, or any text.
        below: how many levels its headings are moved down.
    """
    if len(text) > LONGEST:
        return plain(text)
    return cleaned(_PARSER.render(text, {"below": below, "left": BUDGET, "seconds": _COLOURING_S}))


def plain(text: str) -> str:
    """Safe HTML of a text that is shown as it is."""
    return f'<pre dir="auto">{escape(text)}</pre>'


class _Renderer(RendererHTML):
    """Tokens to HTML, where it is not the parser's own way."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A text with the image's address: nothing is loaded from elsewhere."""
        token = tokens[idx]
        alt = self.renderInlineAsText(token.children or [], options, env)
        address = escape(str(token.attrs.get("src", "")))
        return f'<span class="image">{escape(alt)} <a href="{address}">{address}</a></span>'

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Code with its language."""
        words = tokens[idx].info.split(maxsplit=1)
        start = time.perf_counter()
        code = highlighted(tokens[idx].content, words[0] if words else "", env["seconds"])
        env["seconds"] -= time.perf_counter() - start
        return f'<pre dir="ltr"><code>{code}</code></pre>\n'

    code_block = fence

    def code_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """Code among words."""
        return f'<code dir="ltr">{escape(tokens[idx].content)}</code>'

    def math_inline(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A formula among words."""
        return _formula(tokens[idx], display=False)

    def math_inline_double(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A large formula among words."""
        return _formula(tokens[idx], display=True)

    def math_block(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A formula on lines of its own."""
        return f'<div class="maths">{_formula(tokens[idx], display=True)}</div>\n'

    def table_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """A table in a box of its own, which scrolls where the table is wider than the page."""
        return f'<div class="table"><table dir="{tokens[idx].attrs.get("dir", "auto")}">\n'

    def table_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """The end of both."""
        return "</table></div>\n"


def _formula(token: Token, display: bool) -> str:
    closing = {r"\(": r"\)", r"\[": r"\]"}.get(token.markup, token.markup)
    return formula(token.content.strip(), token.markup + token.content + closing, display)


def _bounded_inline(state: StateCore) -> None:
    """Read the insides of paragraphs while the budget lasts; what is left then is shown as written."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = []
        state.env["left"] -= len(_SIGNS.findall(token.content)) * len(token.content)
        if state.env["left"] >= 0:
            state.md.inline.parse(token.content, state.md, state.env, token.children)
        else:
            token.children.append(Token("text", "", 0, content=token.content))


def _finished(state: StateCore) -> None:
    """Give every block a direction of its own, headings their place, and cells a class instead of a style."""
    around: list[Token] = []
    for token in state.tokens:
        kind = token.type.removesuffix("_open").removesuffix("_close")
        if kind in _AROUND:
            around = [*around, token] if token.nesting > 0 else around[:-1]
        elif kind in _BLOCKS and token.nesting > 0:
            token.attrSet("dir", "auto")
        elif kind == "inline":
            _direct(around, token.content)
        if kind == "heading":
            token.tag = f"h{min(int(token.tag[1:]) + state.env['below'], 6)}"
        if style := token.attrs.pop("style", None):
            token.attrSet("class", _LIFTED[str(style)])


def _direct(around: Sequence[Token], text: str) -> None:
    """Give what stands around a text its direction: browsers' `auto` does not look into blocks that have one."""
    strong = next((sign for sign in map(bidirectional, text[:_LOOK]) if sign in ("L", "R", "AL")), None)
    if strong is not None:
        for token in around:
            if "dir" not in token.attrs:
                token.attrSet("dir", "ltr" if strong == "L" else "rtl")


def _parser() -> MarkdownIt:
    md = MarkdownIt("js-default", {"html": False, "breaks": True, "maxNesting": 30}, renderer_cls=_Renderer)
    # A reference repeats one address as often as it is named: text without end from a short one.
    md.disable(["reference", "html_block", "html_inline", "linkify"])
    maths_plugin(md)
    md.core.ruler.at("inline", _bounded_inline)
    md.core.ruler.push("finished", _finished)
    md.validateLink = is_address  # type: ignore[method-assign]
    return md


_PARSER = _parser()
