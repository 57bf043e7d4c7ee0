"""Content of comparison.json, typed: written by `compare`, read by the report, the terminal and MLflow."""

from __future__ import annotations

from pathlib import Path

from pydantic import field_validator

from prefloop.report.answer import Finding
from prefloop.report.numbers import Conclusion, Difference, Duel, Estimate, Result


class EqualKl(Result):
    """One policy's win rate at a KL divergence that the reference reached too.

    Attributes:
        kl: the reference's at the end, or the largest that the policy reached, if less; nats.
        win: the win rates there.
    """

    kl: float
    win: Difference


class WinRate(Duel):
    """One policy by one judge, against the reference.

    Attributes:
        by_round: after each round, against the reference's after the same round; one interval a number.
        equal_kl: where both have moved equally far.
    """

    by_round: list[Difference]
    equal_kl: EqualKl

    @property
    def final(self) -> Difference:
        """After the last round."""
        return self.by_round[-1]


class SeedMean(Result):
    """A mean over seeds, and its paired difference from the reference's with Student's interval."""

    value: float
    difference: Estimate


class Costs(Result):
    """What a run took in all, means over seeds.

    Attributes:
        ties: labels that said tie; they cost a label and train nothing.
        no_answer: comparisons that the oracle gave no answer to; they cost no label and were replaced.
        calls, tokens: of the oracle, for labels.
        eval_calls, eval_tokens: of oracle and judge together, for evaluations.
        written, sampled, dropped: completions written for pairs, completions sampled for entropies, and
            prompts dropped because the policy only repeated itself.
        loss_first, loss_last: DPO loss of the first and last step of the last round's training, nats; null
            where every label was a tie.
        certainty: mean |difference of implicit rewards| of the labelled pairs, from the second round on;
            null with one round.
        agreement: share of decided pairs where the implicit reward already agreed with the oracle, from the
            second round on; null without such pairs.
    """

    ties: float
    no_answer: float
    calls: float
    tokens: float
    eval_calls: float
    eval_tokens: float
    written: float
    sampled: float
    dropped: float
    loss_first: float | None
    loss_last: float | None
    certainty: float | None
    agreement: float | None


class PolicyResult(Result):
    """All that the comparison says about one policy; lists have an entry per round from the first on.

    Attributes:
        wins: by judge: "oracle", which labels too, and "judge", which never does.
        kl: to the reference model, nats per completion.
        length: of a completion, tokens.
        distinct_1, distinct_2: distinct tokens and pairs of tokens by all of them.
        costs: what it took.
        control: true for random with as much computing as hybrid, whose saving shows the noise of the comparison.
    """

    wins: dict[str, WinRate]
    kl: list[Difference]
    length: list[Difference]
    distinct_1: list[SeedMean]
    distinct_2: list[SeedMean]
    costs: Costs
    control: bool


class Judge(Result):
    """Who says which completion is better.

    Attributes:
        name: kind, and model where there is one.
        prompts: test prompts that it judged in every round of every run, on which its win rates rest.
        conclusion: whether the comparison can conclude by it.
    """

    name: str
    prompts: int
    conclusion: Conclusion

    @property
    def reference_rise(self) -> Difference:
        """The reference's win rate at the end minus the one after the first round."""
        return self.conclusion.reference_rise


class Comparison(Result):
    """A whole comparison of active DPO runs: the content of comparison.json.

    Attributes:
        dataset: name of the prompts.
        start: the start model, in words.
        reference: the policy that others are measured against.
        seeds: seeds of the runs.
        n_labels: labels after each round, from the first on: the grid of all that is compared.
        test_prompts: prompts with one completion each that every round is evaluated on.
        judges: "oracle" always; "judge" where there is a test prompt that it judged in every run.
        interval_covers: what the intervals account for; empty where nothing could be resampled.
        finding: the answer and the advice, in a sentence each and as data.
    """

    dataset: str
    start: str
    reference: str
    seeds: list[int]
    n_labels: list[int]
    test_prompts: int
    judges: dict[str, Judge]
    confidence: float
    resamples: int
    interval_covers: list[str]
    finding: Finding
    policies: dict[str, PolicyResult]

    @property
    def budget(self) -> int:
        """Labels of the last round."""
        return self.n_labels[-1]

    @field_validator("judges")
    @classmethod
    def _oracle_first(cls, value: dict[str, Judge]) -> dict[str, Judge]:
        return {name: value[name] for name in ("oracle", "judge") if name in value}


def read_comparison(path: Path) -> Comparison:
    """Read a comparison.json.

    Raises:
        StateError: missing, damaged, or of another version.
    """
    return Comparison.read(path)
