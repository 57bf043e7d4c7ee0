"""Openings of the example world, numbered: every number is another opening."""

from __future__ import annotations

import math
from dataclasses import dataclass

from prefloop.dpo.example import words


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening and what an ending may refer to.

    Attributes:
        text: the opening, one sentence.
        she, her: the pronouns of the main person, as subject and possessive, in lower case.
        company: who else is there, without the possessive: "brother".
        place: where it happens: "harbour".
    """

    text: str
    she: str
    her: str
    company: str
    place: str


_PARTS = (words.FORMS, words.TIMES, words.NAMES, words.MOVES, words.LOOKS, words.PLACES, words.COMPANY)
SIZE = math.prod(len(part) for part in _PARTS)


def opening(number: int) -> Opening:
    """Build opening `number`, 0 to SIZE - 1."""
    chosen: list[str] = []
    for part in _PARTS:
        number, place = divmod(number, len(part))
        chosen.append(part[place])
    form, time, name, move, look, place_name, company = chosen
    she, her = ("she", "her") if name in words.GIRLS else ("he", "his")
    text = form.format(
        time=time,
        name=name,
        moved=move,
        look=look,
        place=place_name,
        her=her,
        company=company,
        Time=_capital(time),
    )
    return Opening(text, she, her, company, place_name)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
