"""Allowed HTML: the one gate that every rendered text goes through before a browser sees it.

Markdown is rendered with raw HTML switched off, so that nothing hostile should reach this gate. It is here for
what a parser, a highlighter or a converter of formulas gets wrong: what is not listed is dropped.
"""

from __future__ import annotations

import re

import nh3
from pygments.token import STANDARD_TYPES

SCHEMES = ("http", "https", "mailto")

_BLOCKS = ("p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "table", "pre", "div")
_OTHERS = ("a", "br", "code", "em", "hr", "s", "span", "strong", "tbody", "td", "th", "thead", "tr")
# MathML Core without what has an address, a script or foreign content: no maction, annotation-xml or semantics.
_MATHS = (
    *("math", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded", "mphantom"),
    *("mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup", "mtable"),
    *("mtd", "mtext", "mtr", "munder", "munderover"),
)
_MATHS_ATTRIBUTES = {
    *("accent", "accentunder", "columnalign", "columnlines", "columnspacing", "depth", "displaystyle", "fence"),
    *("form", "height", "largeop", "linethickness", "lspace", "mathvariant", "maxsize", "minsize", "notation"),
    *("movablelimits", "rowlines", "rowspacing", "rspace", "scriptlevel", "separator", "stretchy", "symmetric"),
    "width",
}
_CLASSES = {
    "code": {"code"},
    "div": {"table", "maths"},
    "span": {*filter(None, STANDARD_TYPES.values()), "formula", "image"},
    "td": {"left", "right", "center"},
    "th": {"left", "right", "center"},
}
_CLEANER = nh3.Cleaner(
    tags={*_BLOCKS, *_OTHERS, *_MATHS},
    attributes={"a": {"href"}, "ol": {"start"}} | dict.fromkeys(_MATHS, _MATHS_ATTRIBUTES),
    tag_attribute_values={tag: {"dir": {"auto", "ltr", "rtl"}} for tag in (*_BLOCKS, "td", "th", "code", "span")}
    | {"math": {"display": {"block", "inline"}}},
    allowed_classes=_CLASSES,
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes=set(SCHEMES),
    url_relative="deny",
    link_rel="noopener noreferrer nofollow",
    strip_comments=True,
)
_LONGEST_ADDRESS = 2_000
_ADDRESS = re.compile(rf"(?:{'|'.join(SCHEMES)}):", re.IGNORECASE)


def cleaned(html: str) -> str:
    """HTML of which only what is allowed is left; a link leads out of the page and tells nobody where from."""
    return _CLEANER.clean(html)


def is_address(url: str) -> bool:
    """Whether a text may be the address of a link: absolute, of a harmless kind and not endless."""
    return len(url) <= _LONGEST_ADDRESS and _ADDRESS.match(url) is not None
