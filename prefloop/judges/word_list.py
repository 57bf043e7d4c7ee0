"""Sentiment by a list of words and phrases with valences, in the format of AFINN."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from pathlib import Path

from prefloop.errors import DataError

# Whole words (letters, digits, underscore); every other character stands alone. A text is its tokens
# end to end, so an entry is found where it begins and ends between tokens.
_TOKEN = re.compile(r"\w+|\W")
_ENTRY = "a word or phrase, a tab, and its valence"


def valence_sum(path: Path) -> Callable[[str], float]:
    """A scorer that sums the valences of a text's entries of the list.

    Case is folded and any white space counts as one space. From left to right, where several entries
    begin at one place the longest is taken, and the search goes on behind it. Words are matched whole:
    `bad` is not found in `badge`, and not in `bad_`, but is in `bad-tempered` unless that is an entry.

    Args:
        path: the list; see `read_word_list`.

    Source: Nielsen 2011, A new ANEW (AFINN); the same matches as its own package finds.
    """
    valences = read_word_list(path)
    longest = max(len(_TOKEN.findall(entry)) for entry in valences)
    return lambda text: math.fsum(_entry_valences(_TOKEN.findall(_folded(text)), valences, longest))


def read_word_list(path: Path) -> dict[str, float]:
    """Read lines `word or phrase<TAB>valence` (UTF-8); blank lines are passed over.

    Returns:
        Valence by case-folded entry.

    Raises:
        DataError: a missing, empty or malformed file, or an entry with two valences.
    """
    valences: dict[str, float] = {}
    for row, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        parts = line.split("\t")
        if len(parts) != 2:
            raise DataError.at(path, row, "(row)", line, _ENTRY)
        entry, valence = _folded(parts[0]).strip(), _number(parts[1])
        if not entry:
            raise DataError.at(path, row, "word", parts[0], "a word or phrase")
        if valence is None:
            raise DataError.at(path, row, "valence", parts[1].strip(), "a finite number")
        if valences.setdefault(entry, valence) != valence:
            raise DataError.at(
                path,
                row,
                "valence",
                parts[1].strip(),
                f"{valences[entry]:g}, as above for the same entry '{entry}'",
            )
    if not valences:
        raise DataError(f"{path}: got no entries, expected lines of {_ENTRY}")
    return valences


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        raise DataError(
            f"{path} is no file: set the judge's path to a word list, for instance AFINN-en-165.txt of the "
            "package afinn (pip download afinn==0.1), which is not shipped for its licence (ODbL)"
        )
    try:
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: got bytes that are no UTF-8 (at byte {error.start}), expected a text file"
        ) from None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _folded(text: str) -> str:
    return re.sub(r"\s+", " ", text).casefold()


def _entry_valences(tokens: list[str], valences: dict[str, float], longest: int) -> list[float]:
    """The valences of the entries in a text, in order."""
    values, at = [], 0
    while at < len(tokens):
        for end in range(min(at + longest, len(tokens)), at, -1):
            valence = valences.get("".join(tokens[at:end]))
            if valence is not None:
                values.append(valence)
                break
        else:
            end = at + 1
        at = end
    return values
