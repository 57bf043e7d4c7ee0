"""Log of paid answers: kept the moment they come, and never asked for again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from prefloop.labels.comparison import Annotator, Answer, Comparison
from prefloop.labels.label import label_of
from prefloop.labels.log import LabelLog
from prefloop.labels.verdicts import TIE, WORDS

_ALIKE = Answer(TIE, calls=0)


class Kept:
    """A judge with a log of its answers.

    A pair that has a verdict under the inner judge's name gets it from the log, in whatever order it is
    shown; calls and tokens are those that the verdict once took, so a resumed run counts as an undisturbed
    one does. What had no answer is logged too, for it may have cost, but asked again. Several processes
    may share a log; if two ask the same at the same time, the answer that was logged first stands. Two equal
    texts are a tie, about which nobody is asked.
    """

    def __init__(self, inner: Annotator, path: Path) -> None:
        self._inner, self._log = inner, LabelLog(path)
        self.name, self.paid = inner.name, inner.paid
        # By pair, the first verdict that the log has under this name: on the pair in the order of its ids.
        self._answers: dict[str, Answer] = {}

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison, from the log where it stands there.

        Raises:
            DataError: a line of the log that is no label.
            StateError: the log is in use by another process for long.
        """
        answers: dict[int, Answer] = {}
        waiting: dict[str, list[int]] = {}

        def give(position: int, answer: Answer) -> None:
            answers[position] = answer
            if keep is not None:
                keep(position, answer)

        self._refresh()
        for position, comparison in enumerate(comparisons):
            if comparison.is_alike:
                give(position, _ALIKE)
            elif comparison.pair in self._answers:
                give(position, _shown(comparison, self._answers[comparison.pair]))
            else:
                waiting.setdefault(comparison.pair, []).append(position)
        # A pair that stands twice in the list is asked once.
        places = list(waiting.values())
        asked = [comparisons[same[0]] for same in places]

        def log(number: int, answer: Answer) -> None:
            kept = self._add(asked[number], answer)
            for position in places[number]:
                give(position, _shown(comparisons[position], kept))

        if asked:
            self._inner.ask(asked, log)
        return [answers[position] for position in range(len(comparisons))]

    def _add(self, comparison: Comparison, answer: Answer) -> Answer:
        """Append an answer, and return the one that stands: an earlier verdict, if there is one."""
        source = f"judge:{self.name}"
        self._log.append([label_of(comparison, answer, annotator=self.name, source=source, round_=None)])
        self._refresh()
        return self._answers.get(comparison.pair, _shown(comparison, answer))

    def _refresh(self) -> None:
        news = self._log.read_on()
        if news.is_whole:
            self._answers = {}
        lines = news.lines.select(["pair_id", "annotator", "verdict", "reason", "calls", "tokens"])
        for line in lines.to_pylist():
            if line["annotator"] == self.name and line["verdict"] is not None:
                code = WORDS.index(line["verdict"])
                answer = Answer(code, line["reason"], line["calls"] or 0, line["tokens"] or 0)
                self._answers.setdefault(line["pair_id"], answer)


def _shown(comparison: Comparison, answer: Answer) -> Answer:
    """An answer on the pair in the order of its ids as one on the comparison as shown, and the other way round."""
    verdict = None if answer.verdict is None else comparison.turned(answer.verdict)
    return Answer(verdict, answer.reason, answer.calls, answer.tokens)
