"""The answer of a comparison as data: is a choice of labels worth it here, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from prefloop.report.answer import Finding, advise, answer
from prefloop.report.contest import Contest
from prefloop.report.curves import Curves
from prefloop.report.numbers import Against, Conclusion, Duel
from prefloop.report.power import more_seeds

Found = Literal["worth it", "not worth it", "cannot be told"]
Advice = Literal["choose at random", "choose by policy", "cannot be told"]


@dataclass(frozen=True)
class Question:
    """What a comparison asks.

    Attributes:
        outcome: the one primary outcome, in words.
        target: the declared target in words; empty where there is none to declare.
        reference: name of the pooled random.
        model_free: policies that choose without a model.
        seeds: seeds there are.
        min_seeds: seeds that a verdict needs at least.
        worthwhile: the smallest share of labels saved that is worth the trouble.
    """

    outcome: str
    target: str
    reference: str
    model_free: frozenset[str]
    seeds: int
    min_seeds: int
    worthwhile: float


def find(
    question: Question, conclusion: Conclusion, duels: Mapping[str, Duel], wanted: Mapping[str, int | None]
) -> Finding:
    """Sum a comparison up.

    The question is about the policies that need a model (or, where none was compared, about those that need
    none). It is worth it where one of them is better than its best baseline; it is about the highest such
    curve. It is not worth it where every one's interval ends below a worthwhile saving. Else more seeds may
    tell. The advice is to choose by the policy that is worth it, else by the best that needs no model where
    that is better than random, else at random where nothing is worth it.

    Args:
        question: what is asked.
        conclusion: whether the comparison can conclude.
        duels: of the policies that can be run, without controls, oracle upper bounds and the pooled random.
        wanted: further seeds that would decide each of them, by `power.more_seeds`.
    """
    met = {name: duel.primary for name, duel in duels.items()}
    contenders = {name: against for name, against in met.items() if against is not None}
    asked = [name for name in contenders if name not in question.model_free] or list(contenders)
    if not asked:
        return _finding(question, "cannot be told", None, None, None, None, ["no policy was compared with random"])
    better = [name for name in asked if contenders[name].verdict == "better"]
    policy = max(better or asked, key=lambda name: duels[name].area.value)
    against, free = contenders[policy], conclusion.best_baseline
    if not conclusion.conclusive:
        missing = _missing(question, wanted[policy])
        return _finding(question, "cannot be told", None, policy, against, missing, conclusion.reasons)
    without = free if free in contenders and contenders[free].verdict == "better" else None
    if better:
        return _finding(question, "worth it", policy, policy, against, None, [])
    if all(_below(contenders[name], question.worthwhile) for name in asked):
        return _finding(question, "not worth it", without or question.reference, policy, against, None, [])
    return _finding(question, "cannot be told", without, policy, against, wanted[policy], [])


def wanted_seeds(
    contest: Contest, joint: Curves, duels: Mapping[str, Duel], question: Question
) -> dict[str, int | None]:
    """Further seeds that would decide each policy's duel with its own baseline."""
    return {
        name: more_seeds(
            joint,
            contest.rows[name],
            contest.against(name)[duel.primary.baseline],
            question.seeds,
            question.worthwhile,
        )
        for name, duel in duels.items()
        if duel.primary is not None
    }


def _missing(question: Question, wanted: int | None) -> int | None:
    """Seeds that are missing for a verdict; None where seeds are not what is missing."""
    missing = question.min_seeds - question.seeds
    return max(missing, wanted or 0) if missing > 0 else None


def _below(against: Against, worthwhile: float) -> bool:
    """Whether a saving worth having is excluded."""
    if against.verdict == "worse":
        return True
    high = against.saving.saved_high
    return high is not None and high < worthwhile and not against.saving.open_high


def _finding(
    question: Question,
    finding: Found,
    choose: str | None,
    policy: str | None,
    against: Against | None,
    more_seeds: int | None,
    reasons: list[str],
) -> Finding:
    advice: Advice = "cannot be told" if choose is None else "choose by policy"
    result = Finding(
        sentence="",
        advice_sentence="",
        outcome=question.outcome,
        finding=finding,
        advice="choose at random" if choose == question.reference else advice,
        choose=choose,
        policy=policy,
        baseline=None if against is None else against.baseline,
        saved=None if against is None or not against.saving.told else against.saving.saved,
        more_seeds=more_seeds,
        reasons=reasons,
    )
    words = {
        "sentence": answer(
            result,
            question.target,
            question.seeds,
            question.worthwhile,
            against,
            question.reference,
            needs_model=bool(question.model_free) and policy not in question.model_free,
        ),
        "advice_sentence": advise(result, question.worthwhile, question.reference),
    }
    return result.model_copy(update=words)
