"""The answer of a comparison in one sentence, and the advice in another."""

from __future__ import annotations

from typing import Literal

from prefloop.report.amounts import gap, percent, reach
from prefloop.report.numbers import Against, Result
from prefloop.report.power import POWER


class Finding(Result):
    """What a comparison found, and its advice.

    Attributes:
        sentence: the answer, with target, primary outcome and number of seeds: the first line of the report.
        advice_sentence: what to do: the last lines of the report.
        outcome: the one primary outcome; all others are secondary.
        finding: whether choosing labels is worth it under the declared target.
        advice: choose at random, choose by `choose`, or it cannot be told yet.
        choose: the policy to choose by, the reference's name for random; null where it cannot be told.
        policy: the policy that the answer is about; null where none was compared.
        baseline: the better of those that need no model, which it was compared with; null as above.
        saved: what the policy saves against that baseline; null where it cannot be told.
        more_seeds: about how many further seeds would tell; null where no number would, or none is needed.
        reasons: why it cannot be told, in words.
    """

    sentence: str
    advice_sentence: str
    outcome: str
    finding: Literal["worth it", "not worth it", "cannot be told"]
    advice: Literal["choose at random", "choose by policy", "cannot be told"]
    choose: str | None
    policy: str | None
    baseline: str | None
    saved: float | None
    more_seeds: int | None
    reasons: list[str]


def answer(
    finding: Finding,
    target: str,
    seeds: int,
    worthwhile: float,
    against: Against | None,
    reference: str,
    needs_model: bool,
) -> str:
    """The answer in one sentence, with the words that it begins with in bold.

    Args:
        finding: the finding, without its sentences.
        target: the declared target in words; empty where there is none to declare.
        seeds: number of seeds.
        worthwhile: the smallest share of labels saved that is worth the trouble.
        against: the policy's duel with its baseline; None where none was compared.
        reference: name of the pooled random.
        needs_model: whether the policies that it is about need a model.
    """
    under = f"{f'under the target {target}, ' * bool(target)}by {finding.outcome}, with {_seeds(seeds)}"
    begin = f"**{finding.finding.capitalize()}** {under}: "
    if finding.policy is None or finding.baseline is None or against is None:
        return f"{begin}{'; '.join(finding.reasons)}."
    baseline = f"{finding.baseline}{', the best choice that needs no model' * (finding.baseline != reference)}"
    measured = _measured(finding.policy, against)
    if finding.finding == "worth it":
        return f"{begin}{finding.policy} learns faster than {baseline}: {measured}."
    if finding.finding == "not worth it":
        return (
            f"{begin}no policy{' with a model' * needs_model} saves {percent(worthwhile)} of the labels against "
            f"{baseline}; the highest curve is {finding.policy}'s: {measured}."
        )
    if finding.reasons:
        return f"{begin}whether {finding.policy} learns faster than {baseline}: {'; '.join(finding.reasons)}."
    return f"{begin}whether {finding.policy} learns faster than {baseline}, is open; so far {measured}."


def advise(finding: Finding, worthwhile: float, reference: str) -> str:
    """What to do, in words.

    Args:
        finding: the finding, without its sentences.
        worthwhile: the smallest share of labels saved that is worth the trouble.
        reference: name of the pooled random.
    """
    if finding.finding == "worth it":
        return f"**Choose by {finding.choose}.**"
    if finding.finding == "not worth it":
        why = "better than random, and needs no model; a model adds nothing worth its trouble here"
        if finding.choose == reference:
            why = f"no saving of {percent(worthwhile)} of the labels or more is left to be found"
        return f"**Choose {_by(finding.choose, reference)}**: {why}."
    more = _more(finding, worthwhile)
    if finding.choose is None:
        until = " Until then choose at random: nothing was shown to be better."
        return f"**Cannot be told**: {more}{until * (finding.policy is not None)}"
    return (
        f"**Choose by {finding.choose}**: better than random, and needs no model. "
        f"Whether a model adds to it cannot be told: {more}"
    )


def _by(policy: str | None, reference: str) -> str:
    return "at random" if policy == reference else f"by {policy}"


def _measured(policy: str, against: Against) -> str:
    if against.saving.told:
        return reach(against.saving, policy)
    return f"the difference of the curves is {gap(against.area)}, labels saved cannot be told"


def _more(finding: Finding, worthwhile: float) -> str:
    if finding.more_seeds is None:
        return _no_number(finding)
    seeds = f"about {_seeds(finding.more_seeds)} more."
    if finding.reasons:
        return f"at least {_seeds(finding.more_seeds)} more: {'; '.join(finding.reasons)}."
    return (
        f"{seeds} With these a policy that truly saves {percent(worthwhile)} of the labels would be called "
        f"better, and one that saves nothing be ruled out, in {POWER:.0%} of comparisons, by the variance between "
        "seeds and between test prompts measured here."
    )


def _no_number(finding: Finding) -> str:
    if finding.policy is None:
        return "; ".join(finding.reasons) + "."
    if finding.reasons:
        return (
            f"{'; '.join(finding.reasons)}. More labels, more seeds, other features or other data may change that."
        )
    return (
        "by the variance measured here more seeds would hardly tell, since they share test prompts: more test "
        "prompts may."
    )


def _seeds(count: int) -> str:
    return "one seed" if count == 1 else f"{count} seeds"
