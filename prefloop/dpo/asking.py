"""Labels of one round: a rule chooses, the oracle answers, and what it does not answer is replaced."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prefloop.dpo.view import OnPolicyPairs
from prefloop.dpo.writing import WrittenPair
from prefloop.errors import ModelError, NothingLeft
from prefloop.labels.comparison import LOST, Annotator, Answer, Comparison

# An oracle that answers nothing in so many questions running is out of order.
_SILENT = 10


@dataclass(frozen=True)
class LabelledPair:
    """A pair with its verdict (`prefloop.labels.verdicts`)."""

    pair: WrittenPair
    verdict: int


@dataclass(frozen=True)
class RoundLabels:
    """What one round bought.

    Attributes:
        labelled: M pairs in the order of choice.
        unanswered: prompts whose comparison had no answer; they are not asked about again.
        calls, tokens: what the oracle took, in requests and tokens.
    """

    labelled: list[LabelledPair]
    unanswered: list[int]
    calls: int
    tokens: int


def label_round(
    m: int,
    choose: Callable[[int, int], OnPolicyPairs],
    pair_of: Callable[[int], WrittenPair],
    comparison_of: Callable[[WrittenPair], Comparison],
    oracle: Annotator,
    asked: set[int],
    bought: Callable[[WrittenPair], None],
) -> RoundLabels:
    """Choose and ask until m comparisons have an answer.

    Args:
        m: labels wanted, exactly so many are given.
        choose: (how many, attempt) gives pairs of prompts that were not asked about.
        pair_of: the pair of a row.
        comparison_of: what the oracle is shown of it.
        oracle: asked about chosen pairs only, after they were chosen.
        asked: prompts asked about so far; grows.
        bought: called with every pair that got its label, before the next choice.

    Raises:
        NothingLeft: no prompt is left to ask about.
        ModelError: the oracle answers nothing any more.
    """
    labelled: list[LabelledPair] = []
    unanswered: list[int] = []
    calls = tokens = silent = attempt = 0
    while len(labelled) < m:
        chosen = choose(m - len(labelled), attempt)
        if not len(chosen):
            raise NothingLeft(
                f"{m - len(labelled)} more comparisons wanted, and no pool prompt is left on which the policy "
                "writes two different completions: add prompts, or lower run.batch or run.rounds"
            )
        pairs = [pair_of(row) for row in chosen.row.tolist()]
        asked |= set(chosen.prompt.tolist())
        answers = oracle.ask([comparison_of(pair) for pair in pairs])
        for pair, answer in zip(pairs, answers, strict=True):
            if answer.verdict is None:
                unanswered.append(pair.prompt)
            else:
                labelled.append(LabelledPair(pair, answer.verdict))
                bought(pair)
        calls, tokens = (sum(x) for x in zip((calls, tokens), _costs(answers), strict=True))
        silent = _silent(answers, silent)
        if silent >= _SILENT:
            raise ModelError(
                f"the oracle {oracle.name} answered none of the last {silent} comparisons ({_why(answers)}); what "
                "it answered before is kept: mend it, then run the same command again"
            )
        attempt += 1
    return RoundLabels(labelled, unanswered, calls, tokens)


def _silent(answers: Sequence[Answer], before: int) -> int:
    """How many of the last answers in a row were none; those that are lost by parameter don't count."""
    for answer in answers:
        if answer.verdict is not None:
            before = 0
        elif answer.reason != LOST:
            before += 1
    return before


def _costs(answers: Sequence[Answer]) -> tuple[int, int]:
    return sum(a.calls for a in answers), sum(a.tokens for a in answers)


def _why(answers: Sequence[Answer]) -> str:
    return "; ".join(sorted({answer.reason or "no reason" for answer in answers})[:3])
