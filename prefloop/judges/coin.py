"""Coin instead of a judge: what is learnt from it is nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prefloop.io.hashing import unit_interval
from prefloop.labels.comparison import Answer, Comparison
from prefloop.labels.verdicts import TIE, A, B


class Coin:
    """Random verdicts, fixed per pair: whoever asks, however often, in whatever order."""

    name, paid = "coin", False

    def ask(
        self, comparisons: Sequence[Comparison], keep: Callable[[int, Answer], None] | None = None
    ) -> list[Answer]:
        """Answer each comparison."""
        answers = [Answer(_thrown(comparison)) for comparison in comparisons]
        if keep is not None:
            for position, answer in enumerate(answers):
                keep(position, answer)
        return answers


def _thrown(comparison: Comparison) -> int:
    if comparison.is_alike:
        return TIE
    return comparison.turned(A if unit_interval("coin", comparison.pair) < 0.5 else B)
