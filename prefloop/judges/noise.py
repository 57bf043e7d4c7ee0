"""Errors of an annotator by parameter, fixed per pair, over any oracle."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prefloop.io.hashing import unit_interval
from prefloop.judges.kinds import Oracle as Config
from prefloop.labels.comparison import LOST, Annotator, Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B, turned


class Noisy:
    """An oracle whose answers are turned round, biased or lost with given probabilities.

    Every pair has coins of its own, keyed by salt and pair id: neither the order of a and b, nor that of
    the list, nor asking again, nor what happens to another pair changes an answer. All comparisons are
    asked before some answers are lost, so a loss costs what an answer costs.

    Attributes:
        inner: the oracle without its errors.
    """

    def __init__(self, inner: Annotator, config: Config) -> None:
        self.inner, self._config = inner, config
        self.name, self.paid = inner.name, inner.paid

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison as the inner oracle does, then with errors."""

        def keep_noisy(position: int, answer: Answer) -> None:
            if keep is not None:
                keep(position, self._noisy(comparisons[position], answer))

        answers = self.inner.ask(comparisons, keep_noisy)
        return [self._noisy(*asked) for asked in zip(comparisons, answers, strict=True)]

    def _noisy(self, comparison: Comparison, answer: Answer) -> Answer:
        if answer.verdict is None or comparison.is_alike:
            return answer
        if self._coin("failure", comparison) < self._config.failure_rate:
            return Answer(None, LOST, answer.calls, answer.tokens)
        verdict = answer.verdict
        if verdict != TIE and self._coin("flip", comparison) < self._config.flip_rate:
            verdict = turned(verdict)
        if self._coin("position", comparison) < self._config.position_bias:
            verdict = comparison.turned(A if self._coin("first", comparison) < 0.5 else B)
        return Answer(verdict, answer.reason if verdict == TIE else None, answer.calls, answer.tokens)

    def _coin(self, purpose: str, comparison: Comparison) -> float:
        return unit_interval(self._config.salt, purpose, comparison.pair)
