"""Windows of the model's length: prompts lose their beginning, answers stay whole."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from prefloop.errors import ConfigError

Ids = tuple[int, ...]


@dataclass(frozen=True)
class Frame:
    """What surrounds every text: the tokens that are never cut away.

    Attributes:
        head: tokens with which every text begins (special tokens, the template's opening).
        tail: tokens with which every prompt + answer ends.
        max_length: tokens per text, head and tail included.
    """

    head: Ids
    tail: Ids
    max_length: int

    def inner(self, ids: Ids) -> tuple[int, int]:
        """Return where the text proper begins and ends between this sequence's head and tail."""
        start = shared_prefix(ids, self.head)
        return start, max(start, len(ids) - shared_prefix(ids[::-1], self.tail[::-1]))

    def window(self, ids: Ids, first: int) -> Ids:
        """Keep head, tail and as much of the text proper from position `first` on as there is room for."""
        start, stop = self.inner(ids)
        room = self.max_length - start - (len(ids) - stop)
        first = max(start, first)
        return ids[:start] + ids[first : min(stop, first + room)] + ids[stop:]


def shared_prefix(a: Sequence[int], b: Sequence[int]) -> int:
    """Return how many leading elements two sequences share."""
    for position, (x, y) in enumerate(zip(a, b, strict=False)):
        if x != y:
            return position
    return min(len(a), len(b))


def fit_prompt(ids: Ids, frame: Frame) -> Ids:
    """Cut a prompt's own sequence from the left, behind its head, to at most `frame.max_length`."""
    if len(ids) <= frame.max_length:
        return ids
    start = shared_prefix(ids, frame.head)
    return ids[:start] + ids[len(ids) - (frame.max_length - start) :]


def fit_answers(prompt: Ids, answers: Sequence[Ids], frame: Frame) -> tuple[list[Ids], Counter[str]]:
    """Fit the sequences (prompt + answer) of one prompt; different ones stay different.

    The prompt loses its beginning first. An answer that is too long by itself loses its end. Where
    that would make answers identical, their windows move to the first difference.

    Args:
        prompt: the prompt's own sequence; what an answer's sequence shares with it counts as prompt.
        answers: sequences of prompt + answer, head and tail included.
        frame: head, tail and the length to fit.

    Returns:
        The sequences to feed, and counts: `prompt_cut` and `answer_cut` (answers), `pairs_saved` (pairs
        that cutting would have made identical), `same_tokens` (answers that the tokenizer does not
        tell from another one of this prompt).

    Raises:
        ConfigError: the length is too small to keep different answers apart.
    """
    repeats = Counter(answers)
    counts = Counter(same_tokens=sum(number for number in repeats.values() if number > 1))
    fed = {ids: ids for ids in repeats}
    for ids, number in repeats.items():
        if len(ids) > frame.max_length:
            start, stop = frame.inner(ids)
            border = min(max(start, shared_prefix(ids, prompt)), stop)
            first = stop - (frame.max_length - start - (len(ids) - stop))
            counts["prompt_cut"] += number * (border > start)
            counts["answer_cut"] += number * (border < first)
            fed[ids] = frame.window(ids, min(border, first))
    if len(set(fed.values())) < len(fed):
        counts["pairs_saved"] += _separate(fed, frame)
    return [fed[ids] for ids in answers], counts


def _separate(fed: dict[Ids, Ids], frame: Frame) -> int:
    """Give sequences that became identical other windows, in place; return the number of such pairs."""
    waiting = _collisions(fed, fed)
    pairs = sum(len(group) * (len(group) - 1) // 2 for group in waiting)
    moved: list[Ids] = []
    while waiting:
        group = waiting.pop()
        first_difference = min(shared_prefix(group[0], other) for other in group[1:])
        for ids in group:
            # Half of the window before the difference: what leads to it is shared, so comparable.
            start, stop = frame.inner(ids)
            room = frame.max_length - start - (len(ids) - stop)
            fed[ids] = frame.window(ids, first_difference - room // 2)
        moved += group
        waiting += [rest for rest in _collisions(group, fed) if len(rest) < len(group)]
    _shorten_repeats(moved, fed, frame)
    return pairs


def _shorten_repeats(moved: Iterable[Ids], fed: dict[Ids, Ids], frame: Frame) -> None:
    # A moved window can meet another answer's by chance (repetitive texts): shorten it until it is alone.
    moved = dict.fromkeys(moved)
    used = {window for ids, window in fed.items() if ids not in moved}
    for ids in moved:
        window = fed[ids]
        while window in used:
            start, stop = frame.inner(window)
            if stop == start:
                raise ConfigError(
                    f"embed.max_length: {frame.max_length} tokens cannot keep the {len(fed)} different answers of "
                    "one prompt apart; raise it"
                )
            window = window[: stop - 1] + window[stop:]
        used.add(window)
        fed[ids] = window


def _collisions(answers: Iterable[Ids], fed: dict[Ids, Ids]) -> list[list[Ids]]:
    groups: dict[Ids, list[Ids]] = {}
    for ids in answers:
        groups.setdefault(fed[ids], []).append(ids)
    return [group for group in groups.values() if len(group) > 1]
