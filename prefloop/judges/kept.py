"""Answers that cost money are kept the moment they come, and never asked for again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from prefloop.judges.log import WORDS, Entry, VerdictLog
from prefloop.judges.types import Answer, Comparison, Oracle


class Kept:
    """An oracle with a log of its answers.

    A pair that has a verdict under the inner oracle's name gets it from the log, in whatever order it is
    shown; calls and tokens are those that the verdict once took, so a resumed run counts as an undisturbed
    one does. What had no answer is logged too, for it may have cost, but asked again. Several processes
    may share a log; if two ask the same at the same time, the answer that was logged first stands.
    """

    def __init__(self, inner: Oracle, path: Path) -> None:
        self._inner, self._log = inner, VerdictLog(path)
        self.name, self.paid = inner.name, inner.paid

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison, from the log where it stands there.

        Raises:
            DataError: a line of the log that is no answer.
            StateError: the log is in use by another process for long.
        """
        answers: dict[int, Answer] = {}
        waiting: dict[str, list[int]] = {}

        def give(position: int, entry: Entry) -> None:
            answers[position] = _answer(comparisons[position], entry)
            if keep is not None:
                keep(position, answers[position])

        self._log.refresh()
        for position, comparison in enumerate(comparisons):
            entry = self._log.find(self.name, comparison.pair)
            if entry is not None:
                give(position, entry)
            else:
                waiting.setdefault(comparison.pair, []).append(position)
        # A pair that stands twice in the list is asked once.
        places = list(waiting.values())
        asked = [comparisons[same[0]] for same in places]

        def log(number: int, answer: Answer) -> None:
            entry = self._log.add(_entry(self.name, asked[number], answer))
            for position in places[number]:
                give(position, entry)

        if asked:
            self._inner.ask(asked, log)
        return [answers[position] for position in range(len(comparisons))]


def _entry(oracle: str, comparison: Comparison, answer: Answer) -> Entry:
    lower, higher = comparison.ordered
    verdict = None if answer.verdict is None else WORDS[comparison.turned(answer.verdict)]
    return Entry(
        pair_id=comparison.pair,
        oracle=oracle,
        prompt=comparison.prompt,
        completion_a=lower,
        completion_b=higher,
        verdict=verdict,
        reason=answer.reason,
        calls=answer.calls,
        tokens=answer.tokens,
        timestamp=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _answer(comparison: Comparison, entry: Entry) -> Answer:
    verdict = None if entry.verdict is None else comparison.turned(WORDS.index(entry.verdict))
    return Answer(verdict, entry.reason, entry.calls, entry.tokens)
