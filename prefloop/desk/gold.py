"""Gold items and repeats: questions that show who is careful; chosen by hashes, so a rerun chooses the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from prefloop.data.readers import Meaning, read_file
from prefloop.data.records import PairRecord, Unread
from prefloop.errors import ConfigError, DataError
from prefloop.io.hashing import unit_interval
from prefloop.labels.comparison import Comparison
from prefloop.labels.label import Left
from prefloop.labels.verdicts import WORDS, Word
from prefloop.messages.message import Turns


@dataclass(frozen=True)
class GoldItem:
    """A question whose answer is known.

    Attributes:
        pair_id, prompt_id, completion_a, completion_b: ids as of any pair.
        verdict: the answer.
    """

    pair_id: str
    prompt_id: str
    completion_a: str
    completion_b: str
    verdict: Word


@dataclass(frozen=True)
class Gold:
    """The gold items of a campaign.

    Attributes:
        items: in the order of their ids.
        texts: their prompts and completions by id.
    """

    items: tuple[GoldItem, ...]
    texts: Mapping[str, Turns]

    @cached_property
    def verdicts(self) -> dict[str, Word]:
        """The known answers by pair id."""
        return {item.pair_id: item.verdict for item in self.items}

    def pick(self, seed: int, annotator: str, is_asked: Callable[[str], bool]) -> GoldItem | None:
        """The next item for an annotator: the first of their own order that they have not been asked."""
        order = sorted(self.items, key=lambda item: unit_interval("gold", str(seed), annotator, item.pair_id))
        return next((item for item in order if not is_asked(item.pair_id)), None)


NO_GOLD = Gold((), {})


def read_gold(path: Path, meaning: Meaning) -> Gold:
    """Read gold items from a file in any form that preferences come in.

    Args:
        path: the file.
        meaning: what the user says of columns, words and roles.

    Raises:
        DataError: a row that cannot be used, or one without an answer; the lead has chosen each by hand.
        ConfigError: a file without any.
    """
    items: dict[str, GoldItem] = {}
    texts: dict[str, Turns] = {}
    for record in read_file(path, meaning).records():
        if isinstance(record, DataError):
            raise record
        if not isinstance(record, PairRecord) or record.verdict in (None, "skip"):
            place = record.place
            got = record.reason if isinstance(record, Unread) else "no verdict on two completions"
            raise DataError.at(path, place.row if place else None, "(row)", got, "a pair with a verdict")
        comparison = Comparison(record.prompt.plain, record.completion_a.plain, record.completion_b.plain)
        if comparison.is_alike:
            place = record.place
            raise DataError.at(path, place.row if place else None, "(row)", "two equal answers", "two answers")
        item = _item(comparison, record.verdict)
        if items.setdefault(item.pair_id, item) != item:
            row = record.place.row if record.place else None
            raise DataError.at(path, row, "(row)", record.verdict, "the verdict that the same pair has above")
        texts |= dict(zip(comparison.ids, (record.completion_a, record.completion_b), strict=True))
        texts[comparison.prompt_id] = record.prompt
    if not items:
        raise ConfigError(f"page.gold: {path} has no pair with a verdict")
    return Gold(tuple(items[key] for key in sorted(items)), texts)


def _item(comparison: Comparison, verdict: Word) -> GoldItem:
    code = comparison.turned(WORDS.index(verdict))
    lower, higher = sorted(comparison.ids)
    return GoldItem(comparison.pair, comparison.prompt_id, lower, higher, WORDS[code])


def kind_of_question(
    seed: int, annotator: str, count: int, gold_share: float, repeat_share: float
) -> Literal["vote", "gold", "repeat"]:
    """What an annotator's next question is to be.

    Args:
        seed: the campaign's.
        annotator: who is asked.
        count: answers that they have given so far.
        gold_share, repeat_share: shares of all questions.
    """
    place = unit_interval("question", str(seed), annotator, str(count))
    if place < gold_share:
        return "gold"
    return "repeat" if place < gold_share + repeat_share else "vote"


def pick_repeat(seed: int, annotator: str, count: int, pairs: Sequence[str]) -> int:
    """Which of some pairs is asked a second time; its place among them."""
    return min(
        range(len(pairs)), key=lambda n: unit_interval("repeat", str(seed), annotator, str(count), pairs[n])
    )


def stands_left(seed: int, annotator: str, pair_id: str, is_repeat: bool) -> Left:
    """Which completion stands left: random by annotator and pair, the same after a restart.

    A repeat has them the other way round, so that it shows whoever answers by place.
    """
    is_a = unit_interval("side", str(seed), annotator, pair_id) < 0.5
    return "a" if is_a != is_repeat else "b"
