"""Code in texts: highlighted by class names, which our style sheet colours."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import cache
from html import escape
from itertools import groupby

from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import STANDARD_TYPES, Whitespace, _TokenType

# Longer code is shown without colours.
LONGEST = 20_000
# Languages by what people write after the fence. Only these: a lexer is a set of patterns that run on any text,
# and single steps of others (console, ini, make, ocaml) take seconds on a hostile one.
LANGUAGES = (
    *("asm", "bash", "c", "c++", "clojure", "cmake", "cpp", "cs", "csharp", "css", "dart", "diff"),
    *("docker", "elixir", "erlang", "fortran", "fsharp", "go", "graphql", "groovy", "haskell", "html", "http"),
    *("java", "javascript", "js", "json", "jsx", "julia", "kotlin", "latex", "lua", "nasm", "nix", "objective-c"),
    *("perl", "php", "powershell", "py", "python", "r", "rb", "ruby", "rs", "rust", "scala", "sh", "shell", "sql"),
    *("swift", "tex", "toml", "ts", "tsx", "typescript", "vb.net", "xml", "yaml", "yml", "zsh"),
)


def highlighted(code: str, language: str, seconds: float) -> str:
    """HTML of code; without colours where the language is not known or colours would take too long.

    Args:
        code: any text.
        language: as it stands after the fence.
        seconds: that colouring may take.
    """
    lexer = _lexer(language.lower()) if len(code) <= LONGEST else None
    if lexer is None:
        return escape(code)
    try:
        return _written(_in_time(lexer.get_tokens(code), time.perf_counter() + seconds))
    except TimeoutError:
        return escape(code)


def _written(tokens: Iterable[tuple[_TokenType, str]]) -> str:
    # Pygments' own formatter ends every text with a new line.
    parts = []
    for name, run in groupby(tokens, lambda token: _class(token[0])):
        text = escape("".join(text for _, text in run))
        parts.append(f'<span class="{name}">{text}</span>' if name else text)
    return "".join(parts)


@cache
def _class(token: _TokenType) -> str:
    """The short name of a token's class, or of the nearest one above it; none for white space."""
    while token not in STANDARD_TYPES:
        token = token.parent
    return "" if token in Whitespace else STANDARD_TYPES[token]


def _in_time(tokens: Iterable[tuple[_TokenType, str]], until: float) -> Iterator[tuple[_TokenType, str]]:
    """Tokens, until it is too late. Lexers are quadratic on some texts, yet each of their steps is short."""
    for token in tokens:
        if time.perf_counter() > until:
            raise TimeoutError
        yield token


@cache
def _lexer(language: str) -> Lexer | None:
    # Text as it is: nothing stripped, no line added.
    return get_lexer_by_name(language, stripnl=False, ensurenl=False) if language in LANGUAGES else None
